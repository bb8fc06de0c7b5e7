"""The conditions of OMERO.tables' getWhereList, as PyTables and numexpr read them, without `eval`.

    condition  = choice [ ("<" | "<=" | ">" | ">=" | "==" | "!=") choice ]
    choice     = both { "|" both }
    both       = sum { "&" sum }
    sum        = product { ("+" | "-") product }
    product    = factor { ("*" | "/" | "%") factor }
    factor     = ("-" | "~") factor | number | string | "True" | "False" | name | "(" condition ")"

A name is a column or one of the call's variables. As in Python, `&` and `|` bind tighter than comparisons,
so that comparisons that are joined need brackets: `(x > 1) & (y < 2)`. As in PyTables, `and`, `or`, `not`
and chains `a < b < c` are refused; a stand-in that took them would hide a client's mistake.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A column's values or a single one.
Operand = Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*")
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign><=|>=|==|!=|[-+*/%<>&|~()]))""",
    re.VERBOSE,
)

_COMPARISONS: Mapping[str, Callable[[Operand, Operand], Operand]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SUMS: Mapping[str, Callable[[Operand, Operand], Operand]] = {"+": operator.add, "-": operator.sub}
_PRODUCTS: Mapping[str, Callable[[Operand, Operand], Operand]] = {
    "*": operator.mul, "/": operator.truediv, "%": operator.mod,
}  # fmt: skip


class ConditionError(ValueError):
    """The condition cannot be read, or compares what cannot be compared."""


def select_rows(condition: str, columns: Mapping[str, NDArray[Any]], variables: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which rows hold; shape (rows,). Raises ConditionError naming the place that is wrong.

    Variables hide columns of the same name. All columns have the same number of rows.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    try:
        result = _Parser(condition, {**columns, **variables}).read()
    except RecursionError as error:
        raise ConditionError("the condition's brackets are nested too deeply") from error
    chosen = np.asarray(result)
    if chosen.dtype != np.bool_:
        raise ConditionError(f"the condition {condition!r} is no yes-or-no question")
    return np.broadcast_to(chosen, (rows,))


class _Parser:
    """Reads and answers a condition in one pass, from left to right."""

    def __init__(self, condition: str, names: Mapping[str, Operand]) -> None:
        self._condition = condition
        self._names = names
        self._tokens = self._split(condition)
        self._place = 0

    def _split(self, condition: str) -> list[tuple[str, str]]:
        tokens, place = [], 0
        stop = len(condition.rstrip())
        while place < stop:
            match = _TOKEN.match(condition, place)
            if match is None:
                raise ConditionError(f"cannot read {condition[place:].strip()!r} in the condition {condition!r}")
            tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()
        return tokens

    def read(self) -> Operand:
        result = self._comparison()
        if self._place < len(self._tokens):
            raise ConditionError(f"unexpected {self._tokens[self._place][1]!r} in the condition {self._condition!r}")
        return result

    def _take(self, *wanted: str) -> str | None:
        """The next token if it is one of the wanted ones, else None."""
        if self._place < len(self._tokens):
            kind, text = self._tokens[self._place]
            if kind != "string" and text in wanted:
                self._place += 1
                return text
        return None

    def _comparison(self) -> Operand:
        left = self._choice()
        sign = self._take(*_COMPARISONS)
        if sign is None:
            return left
        result = self._apply(_COMPARISONS[sign], left, self._choice())
        if self._take(*_COMPARISONS):
            raise ConditionError(f"comparisons cannot be chained, join two with &: {self._condition!r}")
        return result

    def _choice(self) -> Operand:
        result = self._both()
        while self._take("|"):
            result = self._join(np.logical_or, result, self._both())
        return result

    def _both(self) -> Operand:
        result = self._sum()
        while self._take("&"):
            result = self._join(np.logical_and, result, self._sum())
        return result

    def _join(self, join: Callable[[Operand, Operand], Operand], left: Operand, right: Operand) -> Operand:
        if any(np.asarray(side).dtype != np.bool_ for side in (left, right)):
            raise ConditionError(f"only yes-or-no questions can be joined, put each in brackets: {self._condition!r}")
        return join(left, right)

    def _apply(self, operation: Callable[[Operand, Operand], Operand], left: Operand, right: Operand) -> Operand:
        if (np.asarray(left).dtype.kind in "US") != (np.asarray(right).dtype.kind in "US"):
            raise ConditionError(f"text and number meet in the condition {self._condition!r}")
        try:
            with np.errstate(all="ignore"):
                return operation(left, right)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ConditionError(f"cannot evaluate the condition {self._condition!r}: {error}") from error

    def _sum(self) -> Operand:
        result = self._product()
        while sign := self._take(*_SUMS):
            result = self._apply(_SUMS[sign], result, self._product())
        return result

    def _product(self) -> Operand:
        result = self._factor()
        while sign := self._take(*_PRODUCTS):
            result = self._apply(_PRODUCTS[sign], result, self._factor())
        return result

    def _factor(self) -> Operand:
        if self._take("-"):
            return self._apply(operator.sub, 0, self._factor())
        if self._take("~"):
            operand = self._factor()
            if np.asarray(operand).dtype != np.bool_:
                raise ConditionError(f"only a yes-or-no question can be negated: {self._condition!r}")
            return np.logical_not(operand)
        if self._take("("):
            result = self._comparison()
            if not self._take(")"):
                raise ConditionError(f"a bracket is not closed in the condition {self._condition!r}")
            return result
        if self._place >= len(self._tokens):
            raise ConditionError(f"the condition {self._condition!r} ends too early")
        kind, text = self._tokens[self._place]
        self._place += 1
        if kind == "number":
            return int(text) if text.isdigit() else float(text)
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text.removeprefix("b")[1:-1])
        if kind == "name":
            return self._value(text)
        raise ConditionError(f"unexpected {text!r} in the condition {self._condition!r}")

    def _value(self, name: str) -> Operand:
        if name in self._names:
            return self._names[name]
        if name in ("True", "False"):
            return name == "True"
        if name in ("and", "or", "not"):
            raise ConditionError(f"write &, | and ~ for and, or and not: {self._condition!r}")
        raise ConditionError(f"the table has no column {name!r}")
