"""A manifest as CSV (RFC 4180) in UTF-8, separated by commas, semicolons or tabs, as spreadsheets save it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from contracts.batch.manifest import Manifest, RowDefaults, problem
from contracts.batch.table import Line, read_table

_SEPARATORS = ",;\t"


def read_csv(content: bytes, defaults: RowDefaults) -> Manifest:
    """The manifest; what is no CSV ends it with a problem at its line, and the lines before it are kept."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        why = f"byte {error.start} is not UTF-8"
        return Manifest(problems=(problem(line, None, why, "Save the table as CSV in UTF-8."),))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=find_separator(text), strict=True)
    broken: list[tuple[int, str]] = []
    manifest = read_table(_lines(reader, broken), defaults)
    if not broken:
        return manifest
    ends = tuple(problem(line, None, f"this is no CSV: {why}", "Correct the quotes.") for line, why in broken)
    if not manifest.rows and manifest.problems and manifest.problems[-1].failure.summary == "the table is empty":
        return Manifest(problems=ends)
    return Manifest(rows=manifest.rows, problems=manifest.problems + ends)


def find_separator(text: str) -> str:
    """The separator that the first line which is not blank has most of, outside of quotes; a comma when it has none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(_SEPARATORS, key=bare.count)


def _lines(reader: Any, broken: list[tuple[int, str]]) -> Iterator[Line]:
    begins = 1
    try:
        for cells in reader:
            yield Line(begins, cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        broken.append((begins, str(error)))
