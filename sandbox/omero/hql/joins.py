"""The from clause: rows grow by one object per step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.shapes import Evaluate, Row, Shape, ShapeKind, Typed
from sandbox.omero.model import load_model
from sandbox.omero.records import NamedValue, Record

#: From the rows so far to the rows with one more object.
Step = Callable[[Iterable[Row]], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a fetch join loads: the object in `slot`, and the collection it came from if it came from one."""

    slot: int
    owner: Evaluate | None
    collection: str | None

    @property
    def is_collection(self) -> bool:
        return self.collection is not None


def element_shape(joined: Shape, path: str) -> Shape:
    """The shape of what a join along a path binds. Raises HqlError for a path that cannot be joined."""
    match joined.kind:
        case ShapeKind.ENTITY | ShapeKind.QUANTITY:
            return joined
        case ShapeKind.COLLECTION if joined.field is not None:
            return Shape(ShapeKind.ENTITY, load_model()[joined.field.type])
        case ShapeKind.ELEMENTS if joined.field is not None:
            named = joined.field.type == "NamedValueList"
            return Shape(ShapeKind.NAMED_VALUE if named else ShapeKind.PLAIN)
        case _:
            raise HqlError(f"{path} is {joined.kind.value} and cannot be joined")


def bind_root(slot: int, candidates: Callable[[Row], Iterable[Any]]) -> Step:
    """Every combination of the rows with the candidates, which may depend on the row."""

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            for candidate in candidates(row):
                grown = row.copy()
                grown[slot] = candidate
                yield grown

    return step


def join_one(
    slot: int, joined: Typed, visible: Callable[[Record], bool], condition: Evaluate | None, *, outer: bool
) -> Step:
    """Join along a reference. Unreadable objects count as not there."""
    evaluate = joined.evaluate

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            target = evaluate(row)
            # the row is nobody else's by now: every root binding copied it
            row[slot] = target if target is not None and visible(target) else None
            if row[slot] is not None and condition is not None and condition(row) is not True:
                row[slot] = None
            if outer or row[slot] is not None:
                yield row

    return step


def join_quantity(slot: int, joined: Typed) -> Step:
    """Join along a quantity, which is in the object's own row: nothing is joined, and no row is dropped."""

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            row[slot] = joined.evaluate(row)
            yield row

    return step


def join_many(slot: int, joined: Typed, condition: Evaluate | None, *, outer: bool) -> Step:
    """Join along a collection (its readable members) or a list of values."""
    evaluate = joined.evaluate

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            is_matched = False
            members: Iterable[Record | NamedValue | str] = evaluate(row) or ()
            for member in members:
                grown = row.copy()
                grown[slot] = member
                if condition is None or condition(grown) is True:
                    is_matched = True
                    yield grown
            if outer and not is_matched:
                row[slot] = None
                yield row

    return step


def keep(condition: Evaluate) -> Step:
    """Only the rows of which the condition is true."""

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        return (row for row in rows if condition(row) is True)

    return step


def keep_present(evaluate: Evaluate) -> Step:
    """Only the rows of which the value is not null."""

    def step(rows: Iterable[Row]) -> Iterator[Row]:
        return (row for row in rows if evaluate(row) is not None)

    return step
