"""The functions of queries: null in, null out, except where noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.records import Int32, Milliseconds


@dataclass(frozen=True, slots=True)
class Function:
    """A function of plain values with the number of arguments it takes."""

    least: int
    most: int
    compute: Callable[..., Any]


def _substring(text: str, start: int, length: int | None = None) -> str:
    """As in SQL: positions begin with 1."""
    end = None if length is None else max(start - 1 + length, 0)
    return text[max(start - 1, 0) : end]


def _trim(text: str) -> str:
    return text.strip(" ")


_MANY = 100

FUNCTIONS: dict[str, Function] = {
    "lower": Function(1, 1, lambda text: _text(text).lower()),
    "upper": Function(1, 1, lambda text: _text(text).upper()),
    "trim": Function(1, 1, lambda text: _trim(_text(text))),
    "length": Function(1, 1, lambda text: Int32(len(_text(text)))),
    "substring": Function(2, 3, _substring),
    "concat": Function(1, _MANY, lambda *texts: "".join(to_text(text) for text in texts)),
    "locate": Function(2, 3, lambda part, text, start=1: Int32(_text(text).find(part, start - 1) + 1)),
    "str": Function(1, 1, lambda value: to_text(value)),
    "abs": Function(1, 1, lambda number: type(number)(abs(number))),
    "mod": Function(2, 2, lambda number, divisor: _remainder(number, divisor)),
    "sqrt": Function(1, 1, lambda number: float(number) ** 0.5),
    "year": Function(1, 1, lambda moment: extract("year", moment)),
    "month": Function(1, 1, lambda moment: extract("month", moment)),
    "day": Function(1, 1, lambda moment: extract("day", moment)),
    "hour": Function(1, 1, lambda moment: extract("hour", moment)),
    "minute": Function(1, 1, lambda moment: extract("minute", moment)),
    "second": Function(1, 1, lambda moment: extract("second", moment)),
    "current_timestamp": Function(0, 0, Milliseconds.now),
    "now": Function(0, 0, Milliseconds.now),
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise HqlError(f"{value!r} is not a text")
    return value


def to_text(value: Any) -> str:
    """A value as text, as the database casts it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Milliseconds):
        return _moment(value).strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    if isinstance(value, (int, float, str)):
        return str(value)
    raise HqlError(f"{value!r} is not a plain value")


def _moment(value: Any) -> datetime:
    if not isinstance(value, Milliseconds):
        raise HqlError(f"{value!r} is not a moment")
    return datetime.fromtimestamp(value / 1000, UTC)


def extract(part: str, value: Any) -> Any:
    """`extract(part from moment)` in UTC; epoch is in seconds. Raises HqlError for an unknown part."""
    if part not in _PARTS:
        raise HqlError(f"extract({part} from ...) is not known")
    return None if value is None else _PARTS[part](_moment(value))


_PARTS: dict[str, Callable[[datetime], Any]] = {
    "epoch": lambda moment: moment.timestamp(),
    "year": lambda moment: Int32(moment.year),
    "month": lambda moment: Int32(moment.month),
    "day": lambda moment: Int32(moment.day),
    "hour": lambda moment: Int32(moment.hour),
    "minute": lambda moment: Int32(moment.minute),
    "second": lambda moment: moment.second + moment.microsecond / 1e6,
}

_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": to_text,
    "text": to_text,
    "varchar": to_text,
    "int": Int32,
    "integer": Int32,
    "long": int,
    "big_integer": int,
    "double": float,
    "float": float,
    "boolean": lambda value: _to_boolean(value),
    "timestamp": Milliseconds,
}


def _to_boolean(value: Any) -> bool:
    if value in (True, "true", "t", 1):
        return True
    if value in (False, "false", "f", 0):
        return False
    raise HqlError(f"{value!r} is not a boolean")


def cast(value: Any, type_name: str) -> Any:
    """`cast(value as type)`. Raises HqlError for an unknown type or a value that does not fit."""
    if type_name not in _CASTS:
        raise HqlError(f"cast(... as {type_name}) is not known")
    if value is None:
        return None
    try:
        return _CASTS[type_name](value)
    except (TypeError, ValueError):
        raise HqlError(f"{value!r} cannot be cast to {type_name}") from None


def call(function: Function, name: str, values: list[Any]) -> Any:
    """The function of the values. Raises HqlError where it cannot take them."""
    if any(value is None for value in values):
        return None
    try:
        return function.compute(*values)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise HqlError(f"{name}({', '.join(map(repr, values))}): {error}") from None


def calculate(operator: str, left: Any, right: Any) -> Any:
    """Arithmetic as the database does it: integers stay integers, and the narrower type only among its own."""
    if left is None or right is None:
        return None
    if operator == "||":
        return to_text(left) + to_text(right)
    if (
        isinstance(left, bool)
        or isinstance(right, bool)
        or not isinstance(left, (int, float))
        or not isinstance(right, (int, float))
    ):
        raise HqlError(f"{left!r} {operator} {right!r} is not a calculation with numbers")
    try:
        result = _OPERATIONS[operator](left, right)
    except (ZeroDivisionError, OverflowError) as error:
        raise HqlError(f"{left!r} {operator} {right!r}: {error}") from None
    if isinstance(left, Int32) and isinstance(right, Int32):
        return Int32(result)
    return result


def _quotient(left: Any, right: Any) -> Any:
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: Any, right: Any) -> Any:
    return left - right * _quotient(left, right) if isinstance(left, int) and isinstance(right, int) else left % right


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "%": _remainder,
}
