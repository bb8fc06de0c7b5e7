"""A manifest as a spreadsheet (XLSX): its first sheet."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterator
from typing import Any

from contracts.batch.manifest import Manifest, RowDefaults, RowProblem, problem
from contracts.batch.table import Cell, Line, read_table

#: Of the parts of the file, unpacked, in bytes: a small file can unpack to more than the memory holds.
LARGEST_UNPACKED = 512 << 20
_NEXT = "Save it anew as XLSX, or as CSV."


def read_spreadsheet(content: bytes, defaults: RowDefaults) -> Manifest:
    """The manifest; formulas count as what they gave when the file was saved."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > LARGEST_UNPACKED:
            return Manifest(problems=(problem(1, None, f"unpacked, the file has {unpacked:,} bytes", "Split it."),))
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        errors: list[RowProblem] = []
        manifest = read_table(_lines(book, errors), defaults)
    except Exception as error:  # noqa: BLE001  openpyxl raises whatever a damaged part leads it to
        why = f"this is no spreadsheet that we can read: {type(error).__name__}: {error}"
        return Manifest(problems=(problem(1, None, why[:400], _NEXT),))
    return Manifest(rows=manifest.rows, problems=manifest.problems + tuple(errors))


def _lines(book: Any, errors: list[RowProblem]) -> Iterator[Line]:
    if not book.worksheets:
        return
    sheet = book.worksheets[0]
    # What some programs write of a sheet's size is too small, and rows beyond it would not be read.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        broken = [cell for cell in cells if getattr(cell, "data_type", None) == "e"]
        if broken:
            errors += [problem(number, cell.column_letter, f"a formula failed there: {cell.value}") for cell in broken]
            continue
        yield Line(number, [_cell(cell.value) for cell in cells])


def _cell(value: Any) -> Cell:
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
