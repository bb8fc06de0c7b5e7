"""The types of a CSV's columns, from all of its cells.

A column is of whole numbers (64 bits), of numbers, or of true and false in any case, if all of its cells are; else of
text. `007` is a name and no number. An empty cell, and NA, N/A, NaN, null, is a missing number: then a column of whole
numbers is of doubles, if these hold every one of them exactly. What types cannot hold (a missing true, a larger number)
makes the column text, and text stays as it is.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isinf, nan
from typing import TypeAlias

from tasks.csv_rows import CsvRows

Values: TypeAlias = "list[int] | list[float] | list[bool] | list[str]"

_DIGITS = frozenset("0123456789")
_WHOLE, _DECIMAL = _DIGITS | frozenset("+- "), _DIGITS | frozenset("+-.eE ")
_MISSING = frozenset({"", "na", "n/a", "nan", "null"})
_INFINITE = frozenset({sign + word for sign in ("", "+", "-") for word in ("inf", "infinity")})
_BOOLEANS = {"true": True, "false": False}
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+")
#: Doubles hold every whole number up to here; it has more characters than this.
_EXACT, _SHORT = 1 << 53, 15


class ColumnKind(StrEnum):
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    STRING = "string"


@dataclass(frozen=True)
class CsvColumn:
    """`name` is safe for OMERO.tables; `heading` is the file's own. `width`: bytes of the longest cell as UTF-8."""

    name: str
    heading: str
    kind: ColumnKind
    width: int

    def values(self, cells: Sequence[str]) -> Values:
        """Cells of this column as its type has them."""
        match self.kind:
            case ColumnKind.LONG:
                return [int(cell) for cell in cells]
            case ColumnKind.DOUBLE:
                return [nan if _is_missing(cell) else float(cell) for cell in cells]
            case ColumnKind.BOOLEAN:
                return [_BOOLEANS[cell.strip().lower()] for cell in cells]
            case ColumnKind.STRING:
                return list(cells)


def find_columns(rows: CsvRows, taken: Iterable[str] = ()) -> tuple[tuple[CsvColumn, ...], int]:
    """Read all rows and say what the columns are, and how many rows there are; no column has a name that is `taken`.

    Raises:
        FailureError: as CsvRows.
    """
    columns = [_Column() for _ in rows.headings]
    count = 0
    for chunk in rows.chunks():
        count += len(chunk)
        for column, cells in zip(columns, zip(*chunk, strict=True), strict=True):
            column.see(cells)
    names = safe_names(rows.headings, taken)
    found = (
        CsvColumn(name, heading, column.kind, max(1, column.width))
        for name, heading, column in zip(names, rows.headings, columns, strict=True)
    )
    return tuple(found), count


def safe_names(headings: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Names that OMERO.tables takes and that its conditions can use: ASCII words, each once.

    >>> safe_names(["Area (µm²)", "", "Fläche", "Area (µm²)", "2nd", "class"])
    ['Area_um2', 'column_2', 'Flache', 'Area_um2_2', 'c_2nd', 'class_']
    """
    used = set(taken)
    names = []
    for number, heading in enumerate(headings, start=1):
        plain = unicodedata.normalize("NFKD", heading).replace("\N{GREEK SMALL LETTER MU}", "u")
        letters = "".join(character for character in plain if not unicodedata.combining(character))
        name = re.sub(r"[^A-Za-z0-9]+", "_", letters).strip("_") or f"column_{number}"
        if name[0].isdigit():
            name = f"c_{name}"
        if keyword.iskeyword(name):
            name += "_"
        unique, count = name, 1
        while unique in used:
            count += 1
            unique = f"{name}_{count}"
        used.add(unique)
        names.append(unique)
    return names


@dataclass
class _Column:
    """What the cells of one column have been so far."""

    could_be: set[ColumnKind] = field(default_factory=lambda: set(ColumnKind))
    has_missing: bool = False
    has_any: bool = False
    is_exact: bool = True
    width: int = 0

    @property
    def kind(self) -> ColumnKind:
        if not self.has_any:
            return ColumnKind.STRING
        for kind in (ColumnKind.BOOLEAN, ColumnKind.LONG):
            if kind in self.could_be and not self.has_missing:
                return kind
        return ColumnKind.DOUBLE if ColumnKind.DOUBLE in self.could_be and self.is_exact else ColumnKind.STRING

    def see(self, cells: Sequence[str]) -> None:
        self.width = max(self.width, _widest(cells))
        if self.could_be == {ColumnKind.STRING}:
            return
        present = [cell for cell in cells if not _is_missing(cell)]
        self.has_missing |= len(present) < len(cells)
        self.has_any |= bool(present)
        if ColumnKind.BOOLEAN in self.could_be and not all(cell.strip().lower() in _BOOLEANS for cell in present):
            self.could_be.discard(ColumnKind.BOOLEAN)
        if ColumnKind.LONG in self.could_be and not self._all_whole(present):
            self.could_be.discard(ColumnKind.LONG)
        if ColumnKind.DOUBLE in self.could_be and ColumnKind.LONG not in self.could_be:
            if max(map(len, present), default=0) > _SHORT:
                self.is_exact &= not any(map(_is_beyond_doubles, present))
            if not _all_numbers(present):
                self.could_be.discard(ColumnKind.DOUBLE)

    def _all_whole(self, cells: Sequence[str]) -> bool:
        if not set("".join(cells)) <= _WHOLE:
            return False
        try:
            numbers = [int(cell) for cell in cells]
        except ValueError:
            return False
        if list(map(str, numbers)) != cells and any(_LEADING_ZERO.fullmatch(cell.strip()) for cell in cells):
            self.could_be.discard(ColumnKind.DOUBLE)
            return False
        if numbers:
            smallest, largest = min(numbers), max(numbers)
            self.is_exact &= smallest >= -_EXACT and largest <= _EXACT
            return smallest >= -(1 << 63) and largest < 1 << 63
        return True


def _widest(cells: Sequence[str]) -> int:
    """The bytes of the longest cell."""
    return max(map(len, cells) if "".join(cells).isascii() else (len(cell.encode("utf-8")) for cell in cells))


def _is_missing(cell: str) -> bool:
    return not cell or (cell[0] in "nN " and cell.strip().lower() in _MISSING)


def _is_beyond_doubles(cell: str) -> bool:
    digits = cell.strip().lstrip("+-")
    return digits.isascii() and digits.isdigit() and int(digits) > _EXACT


def _all_numbers(cells: Sequence[str]) -> bool:
    finite = cells
    if not set("".join(cells)) <= _DECIMAL:
        finite = [cell for cell in cells if cell.strip().lower() not in _INFINITE]
        if not set("".join(finite)) <= _DECIMAL:
            return False
    try:
        numbers = list(map(float, finite))
    except ValueError:
        return False
    return not numbers or not (isinf(min(numbers)) or isinf(max(numbers)))
