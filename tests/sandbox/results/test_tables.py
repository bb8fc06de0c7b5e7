"""CSV as tables of OMERO: what is read back is what the file says, and the table hangs where it belongs."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import omero.grid
import pytest
from omero.model import OriginalFileI
from omero.sys import ParametersI

from contracts import namespaces
from contracts.analysis_run import ResultOptions, TableKind
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, FailureError
from contracts.run_results import Result, ResultFile, ResultKind
from tasks.attachments import upload_path
from tasks.result_run import result_token
from tasks.result_tables import table_once
from tests.sandbox.results.conftest import LOG, Bench, only


def file_of(bench: Bench, result: Result) -> Any:
    return bench.gateway.getObject("FileAnnotation", result.object_id).getFile()


def read(bench: Bench, result: Result) -> dict[str, Any]:
    """Column name -> column, with the values of all rows."""
    file = file_of(bench, result)
    table = bench.gateway.c.sf.sharedResources().openTable(OriginalFileI(file.getId(), False))
    try:
        headers = table.getHeaders()
        return {column.name: column for column in table.read(list(range(len(headers))), 0, 0).columns}
    finally:
        table.close()


def parents(bench: Bench, kind: str, annotation: int) -> list[int]:
    rows = bench.rows(
        f"select l.parent.id from {kind}AnnotationLink l where l.child.id = :id", ParametersI().addId(annotation)
    )
    return [row[0] for row in rows]


def make(bench: Bench, file: ResultFile) -> Result:
    return table_once(bench.work, bench.belonging(file), LOG)


async def test_a_table_of_an_input(bench: Bench) -> None:
    image = bench.input().image
    text = 'label,Area (µm²),round,note,class,n\n1,10.5,true,"a, b",µ,\n2,,false,"say ""x""",,7\n3,1e3,true,,é,8\n'
    result = make(bench, bench.bring(f"{image}_cells_nuclei.csv", text))
    assert (result.kind, result.input, result.count) == (ResultKind.TABLE, image, 3)
    assert parents(bench, "Image", result.object_id) == [image]
    columns = read(bench, result)
    assert {name: type(column).__name__ for name, column in columns.items()} == {
        "Image": "ImageColumn",
        "label": "LongColumn",
        "Area_um2": "DoubleColumn",
        "round": "BoolColumn",
        "note": "StringColumn",
        "class_": "StringColumn",
        "n": "DoubleColumn",
    }
    assert list(columns["Image"].values) == [image] * 3
    assert list(columns["label"].values) == [1, 2, 3]
    assert columns["Area_um2"].description == "Area (µm²)"
    assert [columns["Area_um2"].values[index] for index in (0, 2)] == [10.5, 1000.0]
    assert math.isnan(columns["Area_um2"].values[1]) and math.isnan(columns["n"].values[0])
    assert list(columns["round"].values) == [True, False, True]
    assert list(columns["note"].values) == ["a, b", 'say "x"', ""]
    assert list(columns["class_"].values) == ["µ", "", "é"]
    file = file_of(bench, result)
    assert (file.getName(), file.getMimetype()) == (f"{image}_cells_nuclei.csv", "OMERO.tables")
    pairs = dict(bench.pairs("FileAnnotation", result.object_id, namespaces.RESULT))
    assert (pairs["Input_Image"], pairs["Rows"]) == (str(image), "3")
    assert dict(bench.pairs("FileAnnotation", result.object_id, namespaces.WORKFLOW))["Workflow_ID"] == str(bench.uuid)


async def test_a_table_of_the_whole_run_with_images(bench: Bench) -> None:
    first, second = bench.input("a.czi").image, bench.input("b.czi").image
    text = f"Image ID,other id,area\n{first},{first},1\n{second},3,2\n"
    result = make(bench, bench.bring("summary.csv", text))
    assert result.input is None
    assert parents(bench, "Dataset", result.object_id) == [bench.dataset]
    columns = read(bench, result)
    assert {name: type(column).__name__ for name, column in columns.items()} == {
        "Image_ID": "ImageColumn",
        "other_id": "LongColumn",
        "area": "LongColumn",
    }
    assert list(columns["Image_ID"].values) == [first, second]


async def test_numbers_that_are_no_inputs_are_no_images(bench: Bench) -> None:
    image = bench.input().image
    bench.input()
    columns = read(bench, make(bench, bench.bring("summary.csv", f"image,area\n{image},1\n999999999,2\n")))
    assert type(columns["image"]).__name__ == "LongColumn"


async def test_a_table_at_the_destination(bench: Bench) -> None:
    bench.input(), bench.input()
    bench.options = ResultOptions(destination=Destination(type=DestinationType.DATASET, name=f"New {bench.uuid}"))
    results = [make(bench, bench.bring(f"{name}.csv", "a\n1\n")) for name in ("one", "two")]
    (there,) = {only(parents(bench, "Dataset", result.object_id)) for result in results}
    assert bench.gateway.getObject("Dataset", there).getName() == f"New {bench.uuid}"


async def test_once_whatever_was_left(bench: Bench) -> None:
    image = bench.input().image
    file = bench.bring(f"{image}_cells.csv", "a\n1\n")
    path = upload_path(result_token(bench.uuid, ResultKind.TABLE, file.path)) + file.name
    left = bench.gateway.c.sf.sharedResources().newTable(1, path)
    left.initialize([omero.grid.LongColumn("a", "", [])])
    left.close()
    result = make(bench, file)
    again = make(bench, file)
    assert again == result.model_copy(update={"was_there": True})
    rows = bench.rows("select f.id from OriginalFile f where f.path = :path", ParametersI().addString("path", path))
    assert rows == [[file_of(bench, result).getId()]]


async def test_rows_go_in_chunks(bench: Bench) -> None:
    image = bench.input().image
    text = io.StringIO()
    csv.writer(text).writerows([("n", "half", "name"), *((n, n / 2, f"cell {n}") for n in range(25_000))])
    result = make(bench, bench.bring(f"{image}_cells.csv", text.getvalue()))
    assert result.count == 25_000
    columns = read(bench, result)
    assert list(columns["n"].values) == list(range(25_000))
    assert list(columns["half"].values) == [n / 2 for n in range(25_000)]
    assert columns["name"].values[24_999] == "cell 24999"
    assert columns["Image"].values[24_999] == image


async def test_headings_alone(bench: Bench) -> None:
    image = bench.input().image
    result = make(bench, bench.bring(f"{image}_cells.csv", "label,area\n"))
    assert result.count == 0
    assert list(read(bench, result)) == ["Image", "label", "area"]


@pytest.mark.parametrize(("content", "line"), [(b"a,b\n1,2\n3\n", "line 3"), (b"", "line 1"), (b"a\n\xff\n", "line 2")])
async def test_a_wrong_csv_names_its_line_and_leaves_nothing(bench: Bench, content: bytes, line: str) -> None:
    file = bench.bring(f"{bench.input().image}_cells.csv", content)
    before = bench.count("OriginalFile")
    with pytest.raises(FailureError) as caught:
        make(bench, file)
    assert caught.value.failure.category is FailureCategory.BROKEN_FILE
    assert line in caught.value.failure.summary
    assert bench.count("OriginalFile") == before


async def test_a_cell_that_would_fill_the_disk(bench: Bench) -> None:
    text = "n,name\n" + "1,a\n" * 50_000 + f"2,{'x' * 100_000}\n"
    with pytest.raises(FailureError) as caught:
        make(bench, bench.bring(f"{bench.input().image}_cells.csv", text))
    assert "'name' has 100000 bytes" in caught.value.failure.summary


@pytest.mark.parametrize("tables", [TableKind.ATTACHMENT, None])
async def test_tables_as_attachments_or_not_at_all(bench: Bench, tables: TableKind | None) -> None:
    image = bench.input().image
    file = bench.bring(f"{image}_cells.csv", "a,b\n1\n")
    bench.options = ResultOptions(tables=tables)
    results = await bench.import_results()
    assert results.failed == ()
    if tables is None:
        assert (results.results, results.left) == ((), (file.path,))
    else:
        assert only(results.results).kind is ResultKind.ATTACHMENT
