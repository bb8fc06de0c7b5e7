"""What makes images a plate: names of rows, and metadata that other people's model of NGFF accepts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaozarrs
from hypothesis import given
from hypothesis import strategies as st

from converters.ome_zarr_plate import count_fields, field_path, plate_files, row_name
from tests.unit.converters.test_ome_zarr_reader import make_store


def test_rows_have_the_letters_of_plates() -> None:
    assert [row_name(row) for row in (0, 25, 26, 31, 701, 702)] == ["A", "Z", "AA", "AF", "ZZ", "AAA"]


@given(st.sets(st.tuples(st.integers(0, 800), st.integers(0, 99), st.integers(0, 30)), min_size=1))
def test_paths_tell_wells(places: set[tuple[int, int, int]]) -> None:
    paths = {field_path(*place) for place in places}
    assert len(paths) == len(places)
    expected: dict[tuple[int, int], int] = {}
    for row, column, _ in places:
        expected[row, column] = expected.get((row, column), 0) + 1
    assert count_fields(paths) == expected


def test_a_plate_of_which_others_read_every_part(tmp_path: Path) -> None:
    wells = {(0, 1): 2, (2, 0): 1}
    for file in plate_files("plate 7", wells):
        path = tmp_path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.read())
        assert path.stat().st_size == file.size
    for (row, column), fields in wells.items():
        for field in range(fields):
            make_store(tmp_path / field_path(row, column, field), np.ones((1, 1, 1, 8, 8), np.uint8), name="a")
    yaozarrs.validate_zarr_store(tmp_path)
    plate = json.loads((tmp_path / ".zattrs").read_text())["plate"]
    assert [row["name"] for row in plate["rows"]] == ["A", "B", "C"]
    assert plate["wells"][1] == {"path": "C/1", "rowIndex": 2, "columnIndex": 0}
    assert not (tmp_path / "B").exists(), "a row without images"
