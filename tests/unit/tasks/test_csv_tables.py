"""CSV to typed columns: what a cell says is what the table holds, and what is wrong is told by its line."""

from __future__ import annotations

import csv
import io
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from tasks.csv_columns import ColumnKind, CsvColumn, Values, find_columns, safe_names
from tasks.csv_rows import MOST_COLUMNS, CsvRows


def read(content: str | bytes, name: str = "a.csv") -> tuple[list[CsvColumn], list[Values]]:
    data = content.encode() if isinstance(content, str) else content
    columns, count = find_columns(CsvRows(io.BytesIO(data), name))
    rows = [row for chunk in CsvRows(io.BytesIO(data), name).chunks() for row in chunk]
    assert len(rows) == count
    cells = list(zip(*rows, strict=True)) or [() for _ in columns]
    return list(columns), [column.values(values) for column, values in zip(columns, cells, strict=True)]


def column(*cells: str) -> tuple[ColumnKind, Values]:
    text = io.StringIO()
    csv.writer(text).writerows([["other", "x"], *(["1", cell] for cell in cells)])
    columns, values = read(text.getvalue())
    return columns[1].kind, values[1]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", "+3", " 4 "], "long", [1, -2, 3, 4]),
        (["9223372036854775807", "-9223372036854775808"], "long", [2**63 - 1, -(2**63)]),
        (["9223372036854775808"], "string", ["9223372036854775808"]),
        (["9007199254740993", ""], "string", ["9007199254740993", ""]),
        (["9007199254740993", "0.5"], "string", ["9007199254740993", "0.5"]),
        (["1", "", "3"], "double", [1.0, None, 3.0]),
        (["1", "2.5", "-1e-3", ".5", "4."], "double", [1.0, 2.5, -0.001, 0.5, 4.0]),
        (["0.5", "NA", "nan", "N/A", "null", " "], "double", [0.5] + [None] * 5),
        (["inf", "-Infinity", "1"], "double", [math.inf, -math.inf, 1.0]),
        (["1e999"], "string", ["1e999"]),
        (["true", "False", "TRUE"], "boolean", [True, False, True]),
        (["true", ""], "string", ["true", ""]),
        (["true", "1"], "string", ["true", "1"]),
        (["007", "010"], "string", ["007", "010"]),
        (["0", "10", "-0"], "long", [0, 10, 0]),
        (["00.5"], "double", [0.5]),
        (["1_000"], "string", ["1_000"]),
        (["٣"], "string", ["٣"]),
        (["1,5"], "string", ["1,5"]),
        (["0x10", "1-2", "--1", "e5"], "string", ["0x10", "1-2", "--1", "e5"]),
        (["NA", "nucleus"], "string", ["NA", "nucleus"]),
        (["", ""], "string", ["", ""]),
        (['say "µ"', "a,b", "two\nlines"], "string", ['say "µ"', "a,b", "two\nlines"]),
    ],
)
def test_types(cells: list[str], kind: str, values: list[object]) -> None:
    found, read_values = column(*cells)
    assert found == kind
    assert [None if isinstance(value, float) and math.isnan(value) else value for value in read_values] == values


def test_a_type_holds_over_all_chunks() -> None:
    content = "n\n" + "1\n" * 25_000 + "x\n"
    (only,), (values,) = read(content)
    assert only.kind is ColumnKind.STRING
    assert len(values) == 25_001


def test_widths_are_bytes() -> None:
    (only,), _ = read("n\nµm²\nab\n")
    assert only.width == len("µm²".encode())


@pytest.mark.parametrize(
    ("content", "name", "headings"),
    [
        ("a,b\n1,2\n", "a.csv", ["a", "b"]),
        ("\ufeffa,b\r\n1,2\r\n", "a.csv", ["a", "b"]),
        ("a;b\n1;2\n", "a.csv", ["a", "b"]),
        ("a\tb\n1\t2\n", "a.CSV", ["a", "b"]),
        ('"x,y";b\n1;2\n', "a.csv", ["x,y", "b"]),
        ("x,y\tb\n1\t2\n", "a.tsv", ["x,y", "b"]),
        ("a\n1\n", "a.csv", ["a"]),
        ("\n\na , b\n\n1,2\n\n", "a.csv", ["a", "b"]),
        ("a,b\r1,2\r", "a.csv", ["a", "b"]),
    ],
)
def test_dialects(content: str, name: str, headings: list[str]) -> None:
    columns, values = read(content, name)
    assert [found.heading for found in columns] == headings
    assert all(len(cells) == 1 for cells in values)


def test_headings_alone_are_a_table_without_rows() -> None:
    columns, values = read("a,b\n")
    assert [found.kind for found in columns] == ["string", "string"]
    assert values == [[], []]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"\n\n", 1),
        (b"a,b\n1,2\n1\n", 3),
        (b"a,b\n1,2\n\n1,2,3\n", 4),
        (b'a,b\n"x\ny",2\n1\n', 4),
        (b'a,b\n1,2\n"open,2\n3,4\n', 3),
        (b'a,b\n"x"y,2\n', 2),
        (b"a,b\n1,2\n1,\xb5m\n", 3),
        (b"a,b\n1,x\x00y\n", 2),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", 2),
        (b",".join([b"a"] * (MOST_COLUMNS + 1)) + b"\n", 1),
    ],
)
def test_what_is_wrong_is_told_by_its_line(content: bytes, line: int) -> None:
    with pytest.raises(FailureError) as caught:
        read(content)
    assert caught.value.failure.category is FailureCategory.BROKEN_FILE
    assert f"line {line}:" in caught.value.failure.summary


def test_names_that_people_recognise() -> None:
    headings = ["Area (µm²)", "Area [μm^2]", "", "Fläche", "area", "Area (µm²)", "2nd", "class", "__x", "Ø", "面积"]
    assert safe_names(headings, taken=["Image", "area"]) == [
        "Area_um2",
        "Area_um_2",
        "column_3",
        "Flache",
        "area_2",
        "Area_um2_2",
        "c_2nd",
        "class_",
        "x",
        "column_10",
        "column_11",
    ]


NAMES = st.lists(st.text(max_size=12), max_size=12)


@given(NAMES, NAMES)
def test_names_are_words_and_each_comes_once(headings: list[str], taken: list[str]) -> None:
    names = safe_names(headings, taken)
    assert len({*names, *taken}) == len(names) + len(set(taken))
    assert all(name.isascii() and name.isidentifier() for name in names)


CELLS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["true", "False", "", "NA", "0", "00"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
)


@given(st.lists(CELLS, min_size=1, max_size=12))
def test_values_say_what_the_cells_said(cells: list[str]) -> None:
    kind, values = column(*cells)
    assert len(values) == len(cells)
    for cell, value in zip(cells, values, strict=True):
        match kind:
            case ColumnKind.STRING:
                assert value == cell
            case ColumnKind.BOOLEAN:
                assert str(value).lower() == cell.strip().lower()
            case ColumnKind.LONG:
                assert isinstance(value, int) and value == int(cell)
            case ColumnKind.DOUBLE:
                assert isinstance(value, float)
                if not math.isnan(value):
                    assert value == float(cell)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_table_or_a_failure(content: bytes) -> None:
    try:
        read(content)
    except FailureError as error:
        assert error.failure.category is FailureCategory.BROKEN_FILE


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(rows: int) -> int:
        stream = io.BytesIO(b"label,area,name\n" + b"12,34.5,cell one\n" * rows)
        tracemalloc.start()
        find_columns(CsvRows(stream, "a.csv"))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(60_000) < 1.2 * peak(20_000)
