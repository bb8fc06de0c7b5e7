"""The files that make OME-Zarrs of images one OME-Zarr of a plate: NGFF 0.4, `plate` and `well` metadata.

The layout is `<row>/<column>/<field>` below the plate's folder (ngff.openmicroscopy.org/0.4, "High-content screening"):
rows by letters (A ... Z, AA ...), columns by numbers from 1, fields by numbers from 0. Rows and columns are listed up
to the last one with an image, so that their place in the list is their number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from converters.ome_zarr_stream import ZarrFile

#: Row and column of a well, from 0.
Well = tuple[int, int]


def field_path(row: int, column: int, field: int) -> str:
    """Where the image of a field lies below the plate's folder; all from 0.

    >>> field_path(1, 2, 0), field_path(26, 0, 1)
    ('B/3/0', 'AA/1/1')
    """
    return f"{row_name(row)}/{column + 1}/{field}"


def count_fields(paths: Iterable[str]) -> dict[Well, int]:
    """The number of fields of each well, of the paths that `field_path` gives."""
    counts: dict[Well, int] = {}
    for path in paths:
        letters, column, _ = path.split("/")
        row = 0
        for letter in letters:
            row = row * 26 + ord(letter) - ord("A") + 1
        well = (row - 1, int(column) - 1)
        counts[well] = counts.get(well, 0) + 1
    return counts


def row_name(row: int) -> str:
    """The letters of a row, from 0."""
    letters = ""
    row += 1
    while row:
        row, letter = divmod(row - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def plate_files(name: str, wells: Mapping[Well, int]) -> list[ZarrFile]:
    """All files of the plate that are no image's. `wells`: the number of fields of each well that has images."""
    rows = [{"name": row_name(row)} for row in range(max(row for row, _ in wells) + 1)]
    columns = [{"name": str(column + 1)} for column in range(max(column for _, column in wells) + 1)]
    plate = {
        "version": "0.4",
        "name": name,
        "field_count": max(wells.values()),
        "rows": rows,
        "columns": columns,
        "wells": [
            {"path": f"{row_name(row)}/{column + 1}", "rowIndex": row, "columnIndex": column}
            for row, column in sorted(wells)
        ],
    }
    files = list(_group("", {"plate": plate}))
    for row in sorted({row for row, _ in wells}):
        files += _group(f"{row_name(row)}/", None)
    for (row, column), fields in sorted(wells.items()):
        images = [{"path": str(field)} for field in range(fields)]
        files += _group(f"{row_name(row)}/{column + 1}/", {"well": {"version": "0.4", "images": images}})
    return files


def _group(folder: str, attributes: Mapping[str, Any] | None) -> Iterable[ZarrFile]:
    yield _file(f"{folder}.zgroup", {"zarr_format": 2})
    if attributes is not None:
        yield _file(f"{folder}.zattrs", attributes)


def _file(name: str, content: Mapping[str, Any]) -> ZarrFile:
    text = json.dumps(content, indent=2, sort_keys=True).encode("ascii") + b"\n"
    return ZarrFile(name, len(text), partial(bytes, text))
