"""omero.cmd.Delete2: delete objects with everything that goes with them, their files included."""

from __future__ import annotations

from typing import Any

import omero.cmd

from sandbox.omero.commands.graph import (
    SHARABLE_ANNOTATIONS,
    ChildRule,
    Reach,
    empty_references,
    find_targets,
    ids_by_class,
)
from sandbox.omero.commands.requests import CommandRefused, Job
from sandbox.omero.permissions import DELETE
from sandbox.omero.records import Record
from sandbox.omero.repository_files import find_places, remove_files
from sandbox.omero.services.wire import find_class

#: Rows of the system, which are not deleted as objects are.
_PROTECTED = frozenset(
    {"Event", "EventLog", "Session", "Node", "Experimenter", "ExperimenterGroup", "GroupExperimenterMap"}
)


def delete(request: Any, job: Job) -> Any:
    """Delete the targets. A dry run answers what would go.

    Raises CommandRefused, and nothing is deleted, where a target is not there or may not be deleted, a fileset would
    be torn apart, or something that stays needs a row that would go.
    """
    store, caller = job.store, job.caller
    targets = find_targets(store, caller, request.targetObjects)
    for target in targets:
        if target.model.name in _PROTECTED or target.model.is_enumeration or caller.restrictions(target)[DELETE]:
            raise CommandRefused(f"not permitted to delete {target.model.java_name}[{target.id}]")
    rules = [ChildRule.of(option) for option in request.childOptions or []]
    reach = Reach(store, caller, rules, lambda child: _may_go(child, job))
    doomed = reach.collect(targets)
    ignored = {find_class(name).name for name in request.typesToIgnore or ()}
    response = omero.cmd.Delete2Response(
        deletedObjects=ids_by_class(r for r in doomed if not ignored & set(r.model.supertypes))
    )
    if request.dryRun:
        return response
    empty_references(store, doomed)
    files = find_places(job.call.server, [record for record in doomed if record.model.name == "OriginalFile"])
    pixels = [job.call.server.pixels.raw_path(r.id) for r in doomed if r.model.name == "Pixels"]
    for record in doomed:
        store.delete(record)
    job.after_commit.append(lambda: remove_files(job.call.server, [*files, *pixels]))
    return response


def _may_go(child: Record, job: Job) -> bool:
    """Whether a child that nobody holds any more is deleted with its parent: it must be the caller's to delete.

    Annotations that are shared on purpose (tags) stay when another user made them.
    """
    if child.model.is_enumeration or child.model.name in _PROTECTED or job.caller.restrictions(child)[DELETE]:
        return False
    return child.model.name not in SHARABLE_ANNOTATIONS or child.owner is job.caller.user
