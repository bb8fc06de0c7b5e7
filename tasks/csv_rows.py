"""The rows of a CSV file, some at a time; what is wrong with it is told by its line.

CSV as in RFC 4180, in UTF-8: a first line of headings, a comma between cells (a tab or a semicolon where that line has
no comma outside of quotes; a tab in a `.tsv`), quotes around cells with commas, quotes or line breaks in them, and
every row as long as the first. Blank lines are passed over.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO, TypeAlias

from contracts.failures import FailureCategory, FailureError, fail

Rows: TypeAlias = list[list[str]]
#: More columns than HDF5 can describe, in which OMERO keeps tables (its header of a dataset holds 64 KB).
MOST_COLUMNS = 1_000
ROWS_AT_ONCE = 10_000

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_FIRST_LINE = 1 << 20


class CsvRows:
    """One reading of a CSV, from a binary stream that is at its beginning and belongs to this from now on.

    Every method raises FailureError, BROKEN_FILE with the number of the line (from 1): no headings, a row of another
    length, an open quote, bytes that are not UTF-8, NUL, more than 131,072 characters in a cell.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._name = name
        self._stream = stream
        first = stream.readline(_FIRST_LINE).decode("utf-8", "replace")
        stream.seek(0)
        text = TextIOWrapper(stream, "utf-8-sig", newline="")
        self._rows = csv.reader(text, delimiter=_delimiter(first, name), strict=True)
        self.headings = self._read_headings()

    def chunks(self, size: int = ROWS_AT_ONCE) -> Iterator[Rows]:
        """The rows below the headings."""
        chunk: Rows = []
        for row in self._read():
            if len(row) != len(self.headings):
                why = f"it has {len(row)} cells, the headings are {len(self.headings)}"
                raise self._broken(self._rows.line_num, why)
            chunk.append(row)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _read_headings(self) -> list[str]:
        row = next(self._read(), None)
        if row is None:
            raise self._broken(1, "there are no headings")
        if len(row) > MOST_COLUMNS:
            raise self._broken(1, f"it has {len(row)} columns, a table of OMERO takes {MOST_COLUMNS}")
        return [heading.strip() for heading in row]

    def _read(self) -> Iterator[list[str]]:
        while True:
            before = self._rows.line_num
            try:
                row = next(self._rows)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise self._broken(self._line_that_is_no_text(), "it is not UTF-8") from None
            except csv.Error as error:
                raise self._broken(before + 1, str(error)) from error
            if "\0" in "".join(row):
                raise self._broken(self._rows.line_num, "it has a NUL character")
            if row:
                yield row

    def _line_that_is_no_text(self) -> int:
        self._stream.seek(0)
        for number, line in enumerate(self._stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
        raise AssertionError(f"{self._name} is UTF-8 line by line and is not as a whole")

    def _broken(self, line: int, why: str) -> FailureError:
        return no_table(self._name, f"line {line}: {why}")


def no_table(name: str, why: str) -> FailureError:
    """The failure of a CSV that cannot be a table of OMERO."""
    return fail(
        FailureCategory.BROKEN_FILE,
        f"{name!r} is no table; {why}.",
        next_step="Correct what the workflow writes, or order the run with its tables as attachments.",
    )


def _delimiter(first_line: str, name: str) -> str:
    if name.lower().endswith(".tsv"):
        return "\t"
    unquoted = _QUOTED.sub("", first_line)
    return next((delimiter for delimiter in ",\t;" if delimiter in unquoted), ",")
