"""Conditions in three-valued logic: True, False, or None for unknown."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.shapes import Evaluate, Row
from sandbox.omero.records import Record

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operators.lt,
    ">": operators.gt,
    "<=": operators.le,
    ">=": operators.ge,
}


def comparable(value: Any) -> Any:
    """Objects are compared by their ids, with each other and with numbers."""
    return value.id if isinstance(value, Record) else value


def compare(operator: str, left: Any, right: Any) -> bool | None:
    """One comparison. Raises HqlError where the two cannot be ordered."""
    if left is None or right is None:
        return None
    left, right = comparable(left), comparable(right)
    if operator == "=":
        return bool(left == right)
    if operator == "<>":
        return bool(left != right)
    try:
        return _ORDERINGS[operator](left, right)
    except TypeError:
        raise HqlError(f"{left!r} {operator} {right!r}: the two cannot be compared") from None


def make_comparison(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """`left operator right`."""
    return lambda row: compare(operator, left(row), right(row))


def all_of(values: Iterable[bool | None]) -> bool | None:
    """`and` of the values, as far as they need to be looked at."""
    result: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            result = None
    return result


def any_of(values: Iterable[bool | None]) -> bool | None:
    """`or` of the values, as far as they need to be looked at."""
    result: bool | None = False
    for value in values:
        if value is True:
            return True
        if value is None:
            result = None
    return result


def make_and(operands: Sequence[Evaluate]) -> Evaluate:
    """All of them."""
    return lambda row: all_of(operand(row) for operand in operands)


def make_or(operands: Sequence[Evaluate]) -> Evaluate:
    """Any of them."""
    return lambda row: any_of(operand(row) for operand in operands)


def make_not(operand: Evaluate) -> Evaluate:
    """The contrary; unknown stays unknown."""

    def evaluate(row: Row) -> bool | None:
        value = operand(row)
        return None if value is None else not value

    return evaluate


def is_member(value: Any, members: Iterable[Any]) -> bool | None:
    """`value in (members)`: unknown where it is not found and one of the members is null."""
    if value is None:
        return None
    value, unknown = comparable(value), False
    for member in members:
        if member is None:
            unknown = True
        elif value == comparable(member):
            return True
    return None if unknown else False


class MemberSet:
    """Members that do not change from row to row, for `in`."""

    __slots__ = ("_has_null", "values")

    def __init__(self, members: Iterable[Any]) -> None:
        keys = [comparable(member) for member in members]
        self._has_null = None in keys
        #: as they are compared: objects by their ids
        self.values = frozenset(key for key in keys if key is not None)

    def holds(self, value: Any) -> bool | None:
        if value is None:
            return None
        if comparable(value) in self.values:
            return True
        return None if self._has_null else False


def like(value: Any, pattern: Any, escape: Any) -> bool | None:
    """`value like pattern`: % is any text, _ any character. Raises HqlError for what is no text."""
    if value is None or pattern is None:
        return None
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise HqlError(f"{value!r} like {pattern!r}: only texts are compared with like")
    if escape is not None and (not isinstance(escape, str) or len(escape) != 1):
        raise HqlError(f"escape {escape!r} is not one character")
    return _pattern(pattern, "\\" if escape is None else escape).fullmatch(value) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str) -> re.Pattern[str]:
    parts, characters = [], iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(re.escape(next(characters, escape)))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)
