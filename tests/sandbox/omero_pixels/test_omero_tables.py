"""OMERO.tables as BlitzGateway's users and ezomero use them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import ezomero
import omero
import omero.grid
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rint, rlong, rstring

COLUMNS = (
    omero.grid.LongColumn("Count", "cells", [1, 2, 3, 4]),
    omero.grid.DoubleColumn("Area", "", [0.5, math.nan, 2.5, 1e9]),
    omero.grid.BoolColumn("Good", "", [True, False, True, True]),
    omero.grid.StringColumn("Name", "", 16, ["a", "b", "é'", "it"]),
    omero.grid.ImageColumn("Image", "", [11, 12, 13, 14]),
    omero.grid.RoiColumn("Roi", "", [1, 2, 3, 4]),
    omero.grid.WellColumn("Well", "", [5, 6, 7, 8]),
    omero.grid.DatasetColumn("Dataset", "", [-1, 6, 7, 8]),
    omero.grid.PlateColumn("Plate", "", [5, 6, 7, 8]),
    omero.grid.FileColumn("File", "", [5, 6, 7, 8]),
    omero.grid.DoubleArrayColumn("Centre", "", 2, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]),
    omero.grid.FloatArrayColumn("Vector", "", 1, [[0.5], [1.5], [2.5], [3.5]]),
    omero.grid.LongArrayColumn("Box", "", 3, [[1, 2, 3]] * 4),
)


@pytest.fixture
def table(alice: BlitzGateway) -> Iterator[Any]:
    made = alice.c.sf.sharedResources().newTable(1, "measurements")
    made.initialize(list(COLUMNS))
    made.addData(list(COLUMNS))
    yield made
    made.close()


def values(data: Any) -> dict[str, list[Any]]:
    return {column.name: list(column.values) for column in data.columns}


def test_every_column_comes_back(alice: BlitzGateway, table: Any) -> None:
    file = table.getOriginalFile()
    reopened = alice.c.sf.sharedResources().openTable(file)
    assert reopened.getNumberOfRows() == 4
    headers = reopened.getHeaders()
    assert [type(h).__name__ for h in headers] == [type(c).__name__ for c in COLUMNS]
    assert [(h.name, h.description, getattr(h, "size", None)) for h in headers] == [
        (c.name, c.description, getattr(c, "size", None)) for c in COLUMNS
    ]
    read = values(reopened.read(list(range(len(COLUMNS))), 0, 4))
    for column in COLUMNS:
        if column.name != "Area":
            assert read[column.name] == list(column.values), column.name
    assert math.isnan(read["Area"][1])
    assert read["Area"][::2] == [0.5, 2.5]
    reopened.close()


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("Count > 2", [2, 3]),
        ("(Count > 1) & (Good == True)", [2, 3]),
        ("(Count == 1) | (Name == 'it')", [0, 3]),
        ("~(Good)", [1]),
        ("Area > 1", [2, 3]),
        ("Count % 2 == 0", [1, 3]),
        ('Name == "é\'"', [2]),
        ("Count > lim", [3]),
        ("Count >= other", [0, 1, 2, 3]),
    ],
)
def test_rows_that_meet_a_condition(table: Any, condition: str, rows: list[int]) -> None:
    variables = {"lim": rint(3), "other": rstring("Count")}
    assert table.getWhereList(condition, variables, 0, 0, 0) == rows


def test_part_of_the_rows_is_asked(table: Any) -> None:
    assert table.getWhereList("Count > 0", None, 1, 4, 2) == [1, 3]
    assert table.getWhereList("Count > 0", None, 0, 2, 1) == [0, 1]


@pytest.mark.parametrize(
    "condition",
    ["", "Count", "Count > 'a'", "Unknown > 1", "Count > 1 & Good", "__import__('os').getcwd()", "Count > 1 and Good"],
)
def test_conditions_that_cannot_be_answered(table: Any, condition: str) -> None:
    with pytest.raises(omero.ApiUsageException):
        table.getWhereList(condition, None, 0, 0, 0)


def test_reading_parts(table: Any) -> None:
    assert values(table.readCoordinates([3, 0]))["Count"] == [4, 1]
    part = table.slice([0, 3], [1, 2])
    assert values(part) == {"Count": [2, 3], "Name": ["b", "é'"]}
    assert list(part.rowNumbers) == [1, 2]
    assert values(table.slice([0], None)) == {"Count": [1, 2, 3, 4]}
    assert values(table.read([0], 1, 3)) == {"Count": [2, 3]}
    for refused in (lambda: table.readCoordinates([4]), lambda: table.read([99], 0, 1)):
        with pytest.raises(omero.ApiUsageException):
            refused()


def test_updating_and_adding(table: Any) -> None:
    data = table.readCoordinates([1])
    data.columns[0].values = [20]
    table.update(data)
    table.addData(list(COLUMNS))
    assert values(table.read([0], 0, 0))["Count"] == [1, 20, 3, 4, 1, 2, 3, 4]


def test_data_that_does_not_fit(table: Any, alice: BlitzGateway) -> None:
    too_long = [*COLUMNS]
    too_long[3] = omero.grid.StringColumn("Name", "", 16, ["x" * 17] * 4)
    wrong_kind = [omero.grid.DoubleColumn("Count", "", [1.0] * 4), *COLUMNS[1:]]
    for columns in (too_long, wrong_kind, list(COLUMNS[:3])):
        with pytest.raises(omero.ApiUsageException):
            table.addData(columns)
    with pytest.raises(omero.ApiUsageException):
        table.initialize(list(COLUMNS))
    assert table.getNumberOfRows() == 4
    empty = alice.c.sf.sharedResources().newTable(1, "empty")
    with pytest.raises(omero.ApiUsageException):
        empty.initialize([COLUMNS[0], COLUMNS[0]])
    with pytest.raises(omero.ApiUsageException):
        empty.getNumberOfRows()


def test_metadata(table: Any) -> None:
    table.setAllMetadata({"software": rstring("cells"), "version": rlong(3)})
    table.setMetadata("note", rstring("checked"))
    assert {name: value.val for name, value in table.getAllMetadata().items()} == {
        "software": "cells", "version": 3, "note": "checked",
    }  # fmt: skip
    assert table.getMetadata("unknown") is None
    table.setAllMetadata({"only": rint(1)})
    assert list(table.getAllMetadata()) == ["only"]


def test_others_read_and_do_not_write(table: Any, bob: BlitzGateway) -> None:
    opened = bob.c.sf.sharedResources().openTable(table.getOriginalFile())
    assert opened.getNumberOfRows() == 4
    with pytest.raises(omero.SecurityViolation):
        opened.addData(list(COLUMNS))


def test_a_new_table_is_named_by_its_path(alice: BlitzGateway) -> None:
    """As OMERO.server has it: SharedResources.newTable gives the file the path for both."""
    made = alice.c.sf.sharedResources().newTable(1, "folder/measurements")
    file = made.getOriginalFile()
    made.close()
    assert (file.path.val, file.name.val) == ("folder/measurements", "folder/measurements")


def test_deleting(alice: BlitzGateway) -> None:
    made = alice.c.sf.sharedResources().newTable(1, "short-lived")
    file = made.getOriginalFile()
    made.initialize([COLUMNS[0]])
    made.delete()
    assert alice.getQueryService().find("OriginalFile", file.id.val) is None


def test_through_ezomero(alice: BlitzGateway) -> None:
    dataset = ezomero.post_dataset(alice, "with a table")
    rows = [["cell", "area", "round"], [1, 2.5, True], [2, 3.5, False]]
    annotation = ezomero.post_table(alice, rows, "Dataset", dataset, title="cells")
    table = ezomero.get_table(alice, annotation)
    assert [list(table.columns), *table.values.tolist()] == rows
