"""omero.cmd.FindParents, FindChildren, SkipHead and LegalGraphTargets: up and down the hierarchy of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import omero.cmd

from sandbox.omero.commands import requests
from sandbox.omero.commands.graph import PARTS, find_targets, ids_by_class
from sandbox.omero.commands.requests import CommandRefused, Job
from sandbox.omero.model import FieldKind, load_model
from sandbox.omero.records import Record
from sandbox.omero.services.wire import find_class
from sandbox.omero.store import Store

#: Parts that lead on to something of their own: a well's place leads to its image.
_THROUGH = (
    ("WellSample", "image"),
    ("FilesetEntry", "originalFile"),
    ("FileAnnotation", "file"),
    ("Channel", "logicalChannel"),
)


def find_parents(request: Any, job: Job) -> Any:
    """The objects of the wanted types above the targets, as far up as nothing in `stopBefore` is met."""
    wanted, stops = _types(request.typesOfParents), _types(request.stopBefore)
    targets = find_targets(job.store, job.caller, request.targetObjects)
    return omero.cmd.FoundParents(parents=ids_by_class(_walk(targets, parents_of, wanted, stops, job)))


def find_children(request: Any, job: Job) -> Any:
    """The objects of the wanted types below the targets."""
    wanted, stops = _types(request.typesOfChildren), _types(request.stopBefore)
    targets = find_targets(job.store, job.caller, request.targetObjects)
    return omero.cmd.FoundChildren(children=ids_by_class(_walk(targets, children_of, wanted, stops, job)))


def skip_head(request: Any, job: Job) -> Any:
    """Do the inner request with the first objects of the types in `startFrom` that are below the targets."""
    start = _types(request.startFrom)
    targets = find_targets(job.store, job.caller, request.targetObjects)
    heads = _walk(targets, children_of, start, start, job, stop_counts=True)
    inner = request.request
    if inner is None:
        raise CommandRefused("SkipHead holds no request")
    inner.targetObjects = {}
    for record in heads:
        inner.targetObjects.setdefault(record.model.name, []).append(record.id)
    inner.dryRun, inner.childOptions = request.dryRun, inner.childOptions or request.childOptions
    if not heads:  # nothing to do is done
        empty = {
            "Delete2": lambda: omero.cmd.Delete2Response(deletedObjects={}),
            "Chgrp2": lambda: omero.cmd.Chgrp2Response(includedObjects={}, deletedObjects={}),
            "Chown2": lambda: omero.cmd.Chown2Response(includedObjects={}, deletedObjects={}),
        }
        name = type(inner).__name__
        if name not in empty:
            raise CommandRefused(f"SkipHead does not take {name}")
        return empty[name]()
    return requests.run(inner, job)


def list_legal_targets(request: Any, job: Job) -> Any:
    """The classes whose objects the request can name."""
    model = load_model()
    if type(request.request).__name__ == "Chmod2":
        names = [model["ExperimenterGroup"].java_name]
    else:
        names = [
            c.java_name
            for c in model.values()
            if not (c.is_abstract or c.is_global or c.is_enumeration) and c.name not in _SYSTEM
        ]
    return omero.cmd.LegalGraphTargetsResponse(targets=sorted(names))


_SYSTEM = frozenset(
    {
        "Experimenter",
        "ExperimenterGroup",
        "GroupExperimenterMap",
        "Event",
        "EventLog",
        "Session",
        "Share",
        "ShareMember",
        "Node",
        "DBPatch",
        "ExternalInfo",
    }
)


def children_of(store: Store, record: Record) -> Iterable[Record]:
    """What is directly below an object: its parts, and the children that its links lead to."""
    for kind in record.model.supertypes:
        for name in (*PARTS.get(kind, ()), *(("images",) if kind == "Fileset" else ())):
            yield from store.collection(record, name)
    for class_name, field_name in _THROUGH:
        if class_name in record.model.supertypes and record.values.get(field_name) is not None:
            yield record.values[field_name]
    for field in record.model.fields.values():
        if field.kind is FieldKind.COLLECTION and field.type.endswith("Link") and field.inverse == "parent":
            yield from (link.values["child"] for link in store.collection(record, field.name))


def parents_of(store: Store, record: Record) -> Iterable[Record]:
    """What is directly above an object."""
    model = load_model()
    for kind, collections in PARTS.items():
        for name in collections:
            field = model[kind].fields[name]
            if field.type in record.model.supertypes and field.inverse is not None:
                whole = record.values.get(field.inverse)
                if whole is not None and (kind, name) != ("Image", "wellSamples"):
                    yield whole
    if record.model.name == "Image" and record.values.get("fileset") is not None:
        yield record.values["fileset"]
    for class_name, field_name in _THROUGH:
        if model[class_name].fields[field_name].type in record.model.supertypes:
            yield from store.referrers(class_name, field_name, record)
    for candidate in model.values():
        child = candidate.fields.get("child")
        is_link = candidate.name.endswith("Link") and "parent" in candidate.fields and child is not None
        if is_link and child is not None and child.type in record.model.supertypes and not candidate.is_abstract:
            yield from (link.values["parent"] for link in store.referrers(candidate.name, "child", record))


def _walk(
    targets: Iterable[Record],
    step: Callable[[Store, Record], Iterable[Record]],
    wanted: frozenset[str],
    stops: frozenset[str],
    job: Job,
    *,
    stop_counts: bool = False,
) -> list[Record]:
    """Visible objects of the wanted types reached from the targets. With `stop_counts`, a target itself can be one."""
    seen: dict[Record, None] = {}
    found: dict[Record, None] = {}
    pending = list(targets)
    if stop_counts:
        found.update(dict.fromkeys(r for r in pending if wanted & set(r.model.supertypes)))
        pending = [record for record in pending if record not in found]
    while pending:
        record = pending.pop()
        for next_record in step(job.store, record):
            if next_record in seen or not job.caller.visible(next_record):
                continue
            seen[next_record] = None
            types = set(next_record.model.supertypes)
            is_stop = bool(stops & types)
            if wanted & types and (stop_counts or not is_stop):
                found[next_record] = None
            if not is_stop:
                pending.append(next_record)
    return list(found)


def _types(names: Sequence[str] | None) -> frozenset[str]:
    return frozenset(find_class(name).name for name in names or ())
