"""What of an order's files OMERO has whole, asked for hundreds of files at once.

A night finds most files of a watched folder imported; to ask for each of them alone would take most of the night. What
is only half there, or may be a plate, is left to the careful way, `import_once`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from omero.gateway import BlitzGateway
from omero.rtypes import rlist, rstring, unwrap
from omero.sys import ParametersI

from contracts import namespaces
from contracts.destination import DestinationType
from contracts.import_order import ImportOrder
from contracts.import_report import FileOutcome, FileState, ImportedObject
from tasks.order_evidence import path_token

#: Files that are asked for in one query.
AT_ONCE = 500
_SPACES = (namespaces.TOKEN, namespaces.IMPORT, namespaces.PROVENANCE)


class _Image(NamedTuple):
    name: str
    fileset: int
    was_there: bool


def find_imported(gateway: BlitzGateway, order: ImportOrder, earlier: datetime | None) -> dict[int, FileOutcome]:
    """Outcomes of the files, by their index, whose images are all there and annotated; in the session's group.

    `earlier`: when an earlier attempt of this batch began. What OMERO made since, by its own clock, counts as imported
    by it; all the rest was there.
    """
    if order.destination.type is not DestinationType.DATASET:
        return {}
    plain = {
        path_token(order.uuid, file.path): index
        for index, file in enumerate(order.files)
        if order.preprocessing_of(file) is None
    }
    tokens = list(plain)
    found: dict[int, FileOutcome] = {}
    for first in range(0, len(tokens), AT_ONCE):
        for token, outcome in _find(gateway, order, plain, tokens[first : first + AT_ONCE], earlier):
            found[plain[token]] = outcome
    return found


def _find(
    gateway: BlitzGateway, order: ImportOrder, plain: dict[str, int], tokens: list[str], earlier: datetime | None
) -> list[tuple[str, FileOutcome]]:
    query = gateway.c.sf.getQueryService()
    parameters = ParametersI().addString("ns", namespaces.TOKEN)
    parameters.add("tokens", rlist([rstring(token) for token in tokens]))
    carried = unwrap(
        query.projection(
            "select v.value, l.parent.id from ImageAnnotationLink l join l.child a, MapAnnotation m join m.mapValue v "
            "where m.id = a.id and m.ns = :ns and v.name = 'File' and v.value in (:tokens)",
            parameters,
        )
    )
    if not carried:
        return []
    images: dict[str, list[int]] = defaultdict(list)
    for token, image in carried:
        images[token].append(image)
    ids = sorted({image for _, image in carried})
    named = {
        image: _Image(name, fileset, earlier is None or made < earlier.timestamp() * 1000)
        for image, name, fileset, made in unwrap(
            query.projection(
                "select i.id, i.name, i.fileset.id, i.details.creationEvent.time from Image i where i.id in (:ids)",
                ParametersI().addIds(ids),
            )
        )
    }
    sizes = _sizes_of(query, {image.fileset for image in named.values() if not image.was_there})
    spaces = _spaces_of(query, ids)
    outcomes = []
    for token, of_file in images.items():
        filesets = {named[image].fileset for image in of_file if image in named}
        whole = all(image in named and spaces[image] == set(_SPACES) for image in of_file)
        if whole and len(filesets) == 1:
            size = sum(sizes[fileset] for fileset in filesets)
            outcomes.append((token, _outcome(order.files[plain[token]].path, of_file, named, filesets, size)))
    return outcomes


def _spaces_of(query: Any, ids: list[int]) -> dict[int, set[str]]:
    """Which of our annotations each image carries."""
    parameters = ParametersI().addIds(ids)
    parameters.add("spaces", rlist([rstring(space) for space in _SPACES]))
    spaces: dict[int, set[str]] = defaultdict(set)
    for image, space in unwrap(
        query.projection(
            "select l.parent.id, a.ns from ImageAnnotationLink l join l.child a "
            "where l.parent.id in (:ids) and a.ns in (:spaces)",
            parameters,
        )
    ):
        spaces[image].add(space)
    return spaces


def _sizes_of(query: Any, filesets: set[int]) -> Counter[int]:
    """Bytes of the files of each fileset."""
    sizes: Counter[int] = Counter()
    if filesets:
        rows = query.projection(
            "select e.fileset.id, e.originalFile.size from FilesetEntry e where e.fileset.id in (:ids)",
            ParametersI().addIds(sorted(filesets)),
        )
        for fileset, size in unwrap(rows):
            sizes[fileset] += size
    return sizes


def _outcome(path: str, images: list[int], named: dict[int, _Image], filesets: set[int], size: int) -> FileOutcome:
    return FileOutcome(
        path=path,
        state=FileState.IMPORTED,
        objects=tuple(ImportedObject(type="Image", id=image, name=named[image].name) for image in sorted(set(images))),
        filesets=tuple(filesets),
        size=size,
        was_there=all(named[image].was_there for image in images),
    )
