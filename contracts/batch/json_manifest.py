"""A manifest as JSON: a list of objects, each with the members `path`, `user`, `group`, `dataset` or `screen`,
`project`, `convert` or `container`, `series` (texts), `options`, `key_values` (objects, or lists of pairs), and
`forms`, an object of objects: `{"sample": {"cell_line": "HeLa"}}`.
"""

from __future__ import annotations

import json
from typing import Any

from contracts.batch.manifest import NO_TEXT, Manifest, ManifestRow, RowDefaults, RowProblem, is_text, problem
from contracts.batch.row_fields import TEXT_FIELDS, RowFields, make_row
from contracts.batch.table import MOST_ROWS

_BLANK = " \t\r\n"
_MEMBERS = (*TEXT_FIELDS, "options", "key_values", "forms")


class _Twice(ValueError):
    """A member that comes twice in one object."""


def read_json(content: bytes, defaults: RowDefaults) -> Manifest:
    """The manifest; a line is where a row's object begins. What is no JSON ends it, and the rows before it are kept."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Manifest(problems=(problem(line, None, f"byte {error.start} is not UTF-8", "Save it in UTF-8."),))
    return _Reader(text, defaults).read()


class _Reader:
    """Reads one object after the other, because only so each has a line."""

    def __init__(self, text: str, defaults: RowDefaults) -> None:
        self._text = text
        self._defaults = defaults
        self._at = 0
        self._line = 1
        self._rows: list[ManifestRow] = []
        self._problems: list[RowProblem] = []
        self._decoder = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse)

    def read(self) -> Manifest:
        if self._next() != "[":
            self._end("a manifest in JSON is a list of objects: it begins with [")
        else:
            self._move(self._at + 1)
            self._read_items()
        return Manifest(rows=tuple(self._rows), problems=tuple(self._problems))

    def _read_items(self) -> None:
        if self._next() == "]":
            return self._end_of_list()
        while True:
            if len(self._rows) + len(self._problems) >= MOST_ROWS:
                return self._end(f"a manifest has at most {MOST_ROWS:,} rows")
            self._next()
            line = self._line
            try:
                item, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._move(error.pos)
                return self._end(f"this is no JSON: {error.msg}")
            except _Twice as error:
                return self._end(str(error))
            except (ValueError, RecursionError) as error:
                return self._end(f"this is no JSON that we take: {error}")
            self._move(end)
            self._take(line, item)
            following = self._next()
            if following == "]":
                return self._end_of_list()
            if following != ",":
                return self._end("this is no JSON: between two rows there is a comma, after the last a ]")
            self._move(self._at + 1)

    def _end_of_list(self) -> None:
        self._move(self._at + 1)
        if self._next():
            self._end("there is more after the list's ]")

    def _take(self, line: int, item: Any) -> None:
        made = _read_item(line, item)
        row = make_row(made, self._defaults) if isinstance(made, RowFields) else made
        if isinstance(row, ManifestRow):
            self._rows.append(row)
        else:
            self._problems += row

    def _next(self) -> str:
        """Move over what is blank; the character there, or nothing at the end."""
        at = self._at
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        self._move(at)
        return self._text[at : at + 1]

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _end(self, why: str) -> None:
        self._problems.append(problem(self._line, None, why, "Correct the file."))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Twice("an object has a member twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _read_item(line: int, item: Any) -> RowFields | list[RowProblem]:
    if not isinstance(item, dict):
        return [problem(line, None, "a row is an object")]
    if not is_text(item):
        return [problem(line, None, NO_TEXT)]
    fields, problems = RowFields(line), []
    for name, value in item.items():
        if value is None:
            continue
        if name not in _MEMBERS:
            problems.append(problem(line, name, "this is no member of a row", f"Known are: {', '.join(_MEMBERS)}."))
        elif name in TEXT_FIELDS:
            if isinstance(value, str):
                fields.texts[name] = value
            else:
                problems.append(problem(line, name, "this is a text in quotes"))
        elif name == "forms":
            if isinstance(value, dict) and all(isinstance(inner, dict) for inner in value.values()):
                fields.forms = value
            else:
                problems.append(problem(line, name, "forms are an object of objects"))
        else:
            pairs = _pairs(value)
            if pairs is None:
                problems.append(problem(line, name, "this is an object of texts, or a list of pairs of texts"))
            elif name == "options":
                fields.options = pairs
            else:
                fields.key_values = pairs
    return problems or fields


def _pairs(value: Any) -> list[tuple[str, str]] | None:
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        return None
    if not all(isinstance(pair, list | tuple) and [type(part) for part in pair] == [str, str] for pair in pairs):
        return None
    return [(key, text) for key, text in pairs]
