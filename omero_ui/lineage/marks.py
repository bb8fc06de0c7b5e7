"""What OMERO's annotations say of runs: which made an object, and which used it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from omero.rtypes import rlist, rstring, unwrap
from omero.sys import ParametersI

from contracts import namespaces

#: Annotations that are read of a dataset or screen; an order writes one a file.
MOST_ANNOTATIONS = 2000


class ObjectKind(StrEnum):
    """What the webclient calls the object that is selected."""

    IMAGE = "image"
    DATASET = "dataset"
    PLATE = "plate"
    SCREEN = "screen"


#: From an object to its images, for HQL; `:id` is the object's.
_IMAGES = {
    ObjectKind.IMAGE: "select i.id from Image i where i.id = :id",
    ObjectKind.DATASET: "select l.child.id from DatasetImageLink l where l.parent.id = :id",
    ObjectKind.PLATE: "select s.image.id from WellSample s join s.well w where w.plate.id = :id",
    ObjectKind.SCREEN: (
        "select s.image.id from WellSample s join s.well w join w.plate p join p.screenLinks l where l.parent.id = :id"
    ),
}
#: The key that holds the run's token, in the annotations of each namespace.
_MADE = {namespaces.TOKEN: "Order", namespaces.RESULT: "UUID"}
_USED = {namespaces.ANALYSIS: "UUID"}


@dataclass(frozen=True)
class Marks:
    """Tokens of runs; `made` of those that made the object or images in it, `used` of those that used them."""

    made: frozenset[UUID]
    used: frozenset[UUID]


def read_marks(conn: Any, kind: ObjectKind, object_id: int) -> Marks | None:
    """By the visitor's own connection: OMERO leaves out what they may not see. None: no such object for them."""
    if conn.getObject(kind.value.capitalize(), object_id) is None:
        return None
    return Marks(_tokens(conn, kind, object_id, _MADE), _tokens(conn, kind, object_id, _USED))


def _tokens(conn: Any, kind: ObjectKind, object_id: int, keys: dict[str, str]) -> frozenset[UUID]:
    """Of the annotations in these namespaces, on the object's images, the values of the keys that hold tokens."""
    query = conn.getQueryService()
    wanted = ParametersI().addId(object_id)
    wanted.add("namespaces", rlist([rstring(name) for name in keys]))
    annotations = query.projection(
        "select distinct a.id from ImageAnnotationLink l join l.child a "
        f"where a.ns in (:namespaces) and l.parent.id in ({_IMAGES[kind]})",
        wanted,
        conn.SERVICE_OPTS,
    )
    ids = [row[0] for row in unwrap(annotations)][:MOST_ANNOTATIONS]
    if not ids:
        return frozenset()
    rows = query.projection(
        "select a.ns, v.name, v.value from MapAnnotation a join a.mapValue v where a.id in (:ids)",
        ParametersI().addIds(ids),
        conn.SERVICE_OPTS,
    )
    return frozenset(
        token
        for namespace, name, value in unwrap(rows)
        if keys[namespace] == name and (token := _token(value)) is not None
    )


def _token(text: str) -> UUID | None:
    """Users may edit key-values; what is no UUID names no run."""
    try:
        return UUID(text)
    except ValueError:
        return None
