"""The names of objects, as OMERO tells them to the visitor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from omero.rtypes import unwrap
from omero.sys import ParametersI

from omero_ui.runs.named import ObjectKey

#: Ids and names of objects, by what OMERO calls their kind.
_QUERIES = {
    **{kind: f"select o.id, o.name from {kind} o where o.id in (:ids)"
       for kind in ("Image", "Dataset", "Plate", "Screen", "Project")},
    "FileAnnotation": "select a.id, f.name from FileAnnotation a join a.file f where a.id in (:ids)",
}  # fmt: skip
#: Ids in one query.
_AT_ONCE = 1000


def find_names(conn: Any, wanted: Iterable[ObjectKey]) -> dict[ObjectKey, str]:
    """The names of those objects that the visitor's own connection sees, in all groups. Kinds that are not known here
    are left out, as what is not there.
    """
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for kind, id in dict.fromkeys(wanted):
        if kind in _QUERIES:
            ids[kind].append(id)
    service, found = conn.getQueryService(), {}
    for kind, some in ids.items():
        for begin in range(0, len(some), _AT_ONCE):
            parameters = ParametersI().addIds(some[begin : begin + _AT_ONCE])
            for id, name in unwrap(service.projection(_QUERIES[kind], parameters, conn.SERVICE_OPTS)):
                found[kind, id] = name or f"{kind} {id}"
    return found
