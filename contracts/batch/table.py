"""Tables (CSV, spreadsheets): the first line names the columns, every other one is a file or a folder.

| column | holds |
| --- | --- |
| `path` | the file or folder, inside the group's folder; the one column that must be there |
| `user`, `group` | whose images they become |
| `dataset`, `screen` | `id:NUMBER`, or a name that is found or made; `Project/Dataset` too |
| `project` | of the dataset, whose name may have a `/` then |
| `convert`, `container` | the built-in converter's format (`ometiff`), or a converter's image |
| `series` | the one series of the file that is meant |
| `option:NAME` | for the converter |
| `kv:KEY` | a key-value on what the file becomes; may come more than once |
| `form:FORM:FIELD` | a field of a form that is kept for the destination; JSON where it can be read so, else text |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.batch.manifest import Manifest, ManifestRow, RowDefaults, RowProblem, problem, shown
from contracts.batch.row_fields import TEXT_FIELDS, RowFields, make_row

MOST_ROWS = 100_000
_KINDS = ("option", "kv", "form")

#: A cell as its file has it: a text, or what a spreadsheet knows better.
Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    heading: str
    #: A text field's name, or one of `option`, `kv`, `form`.
    kind: str
    name: str = ""
    field: str = ""


@dataclass(frozen=True)
class Line:
    """A line of the table, where it begins in its file; `None` for a heading or cell that is blank."""

    number: int
    cells: Sequence[Cell]

    @property
    def is_blank(self) -> bool:
        return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in self.cells)


def read_table(lines: Iterable[Line], defaults: RowDefaults) -> Manifest:
    """Every line that is not blank becomes a row or a problem; nothing is read under headings that are not right."""
    rows: list[ManifestRow] = []
    problems: list[RowProblem] = []
    columns: list[Column | None] | None = None
    for line in lines:
        if line.is_blank:
            continue
        if columns is None:
            columns, problems = read_headings(line)
            if problems:
                break
            continue
        if len(rows) + len(problems) >= MOST_ROWS:
            problems.append(problem(line.number, None, f"a manifest has at most {MOST_ROWS:,} rows", "Split it."))
            break
        made = _read_line(line, columns, defaults)
        if isinstance(made, ManifestRow):
            rows.append(made)
        else:
            problems += made
    if columns is None:
        problems.append(problem(1, None, "the table is empty", "Give it a line of headings, and a line for each file."))
    return Manifest(rows=tuple(rows), problems=tuple(problems))


def read_headings(line: Line) -> tuple[list[Column | None], list[RowProblem]]:
    """The columns, in the table's sequence; None for one without a heading, which has to be blank."""
    columns: list[Column | None] = []
    problems: list[RowProblem] = []
    seen: set[tuple[str, str, str]] = set()
    for position, cell in enumerate(line.cells, start=1):
        heading = "" if cell is None else str(cell).strip()
        if not heading:
            columns.append(None)
            continue
        column = _read_heading(heading)
        if column is None:
            known = ", ".join((*TEXT_FIELDS, "option:NAME", "kv:KEY", "form:FORM:FIELD"))
            problems.append(
                problem(line.number, heading, f"column {position} is none that we know", f"Known are: {known}.")
            )
            continue
        place = (column.kind, column.name, column.field)
        if column.kind != "kv" and place in seen:
            problems.append(problem(line.number, heading, "this column comes twice", "Keep one of them."))
        seen.add(place)
        columns.append(column)
    if not any(column is not None and column.kind == "path" for column in columns) and not problems:
        problems.append(problem(line.number, None, "there is no column `path`", "Name the columns in the first line."))
    return columns, problems


def _read_heading(heading: str) -> Column | None:
    kind, colon, rest = heading.partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if not colon:
        return Column(heading, kind) if kind in TEXT_FIELDS else None
    if kind not in _KINDS or not rest:
        return None
    if kind != "form":
        return Column(heading, kind, rest)
    form, _, field = (part.strip() for part in rest.rpartition(":"))
    return Column(heading, kind, form, field) if form and field else None


def _read_line(
    line: Line, columns: Sequence[Column | None], defaults: RowDefaults
) -> ManifestRow | Iterable[RowProblem]:
    fields = RowFields(line.number)
    for position, cell in enumerate(line.cells):
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        column = columns[position] if position < len(columns) else None
        if column is None:
            why = f"cell {position + 1} ({shown(str(cell))}) is in no column that has a heading"
            return [problem(line.number, None, why)]
        _put(fields, column, cell)
    return make_row(fields, defaults)


def _put(fields: RowFields, column: Column, cell: str | int | float | bool) -> None:
    if column.kind == "option":
        fields.options.append((column.name, as_text(cell).strip()))
    elif column.kind == "kv":
        fields.key_values.append((column.name, as_text(cell).strip()))
    elif column.kind == "form":
        fields.forms.setdefault(column.name, {})[column.field] = as_value(cell)
    else:
        fields.texts[column.kind] = as_text(cell)


def as_text(cell: str | int | float | bool) -> str:
    """A spreadsheet's number as a person reads it there: 12.0 is 12."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def as_value(cell: Cell) -> Any:
    """A form's value: what JSON reads of a text, else the text. `"7"` with its quotes is the text 7."""
    if not isinstance(cell, str):
        return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
    try:
        return json.loads(cell, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return cell.strip()


def _refuse(constant: str) -> None:
    raise ValueError(constant)
