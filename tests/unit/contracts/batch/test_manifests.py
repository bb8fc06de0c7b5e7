"""Manifests: what is right becomes rows, and whatever is wrong is told by its line and column."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from contracts.batch.csv_manifest import find_separator
from contracts.batch.manifest import Manifest, RowDefaults
from contracts.batch.orders import batch_token, make_orders
from contracts.batch.read_manifest import read_manifest
from contracts.destination import Destination, DestinationType
from contracts.import_order import MOST_FILES, MOST_FORMS

ALICE = RowDefaults(user="alice", group="lab-a")


def read_text(text: str, defaults: RowDefaults = ALICE, name: str = "m.csv") -> Manifest:
    return read_manifest(name, text.encode(), defaults)


def told(manifest: Manifest) -> list[tuple[int, str | None]]:
    return [(found.line, found.column) for found in manifest.problems]


def spreadsheet(*lines: list[Any]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(line)
    book.save(content)
    return content.getvalue()


def test_a_row_says_where_how_and_what() -> None:
    heading = "path,user,group,dataset,convert,option:compression,kv:Stain,kv:Stain,form:sample:cell_line,form:sample:n"
    [row] = read_text(f'{heading}\n"day 1/a, b.lif",bob,lab-b,P/D,ometiff,zlib,DAPI,"two\nlines",HeLa,3\n').rows
    assert (row.line, row.path, row.user, row.group) == (2, "day 1/a, b.lif", "bob", "lab-b")
    assert row.destination == Destination(type=DestinationType.DATASET, name="D", project="P")
    assert row.preprocessing is not None
    assert row.preprocessing.options == {"outputformat": "ometiff", "compression": "zlib"}
    assert row.key_values == (("Stain", "DAPI"), ("Stain", "two\nlines"))
    assert [(form.form, form.values) for form in row.forms] == [("sample", {"cell_line": "HeLa", "n": 3})]


@pytest.mark.parametrize(
    ("cells", "destination"),
    [
        ("D,,", Destination(type=DestinationType.DATASET, name="D")),
        ("id:12,,", Destination(type=DestinationType.DATASET, id=12)),
        ("P/D,,", Destination(type=DestinationType.DATASET, name="D", project="P")),
        ("a/b,P,", Destination(type=DestinationType.DATASET, name="a/b", project="P")),
        (",,S", Destination(type=DestinationType.SCREEN, name="S")),
        (",,id:3", Destination(type=DestinationType.SCREEN, id=3)),
        (",,", None),
        ("D,,S", None),
        ("P/D/E,,", None),
        ("id:12,P,", None),
        (",P,S", None),
    ],
)
def test_destinations(cells: str, destination: Destination | None) -> None:
    manifest = read_text(f"path,dataset,project,screen\na.tif,{cells}\n")
    assert [row.destination for row in manifest.rows] == ([destination] if destination is not None else [])
    assert bool(manifest.problems) == (destination is None)


def test_every_bad_cell_of_a_row_is_told_at_once() -> None:
    manifest = read_text("path,user,dataset,convert,container\n\n../a.tif,,,ometiff,x/y:1\na.tif,,D,,\n", RowDefaults())
    assert told(manifest) == [
        (3, "path"), (3, "user"), (3, "group"), (3, "dataset"), (3, "container"), (4, "user"), (4, "group"),
    ]  # fmt: skip
    assert manifest.rows == ()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", (1, None)),
        ("path,datset\na,b\n", (1, "datset")),
        ("dataset\nD\n", (1, None)),
        ("path,path\na,b\n", (1, "path")),
        ('path,dataset\na.tif,D\n"b.tif,D\n', (3, None)),
        ("path,dataset\na.tif,D,what\n", (2, None)),
        ("path,dataset,series\na.lif,D,1\n", (2, "series")),
        ("path,dataset,option:a\na.lif,D,1\n", (2, "option")),
        ("path,dataset\na.tif,D\nb.tif,D\na.tif,D\n", (4, "path")),
        ("path,dataset,form:f:x\na.tif,D,1\nb.tif,D,2\n", (3, "form:f")),
    ],
)
def test_where_it_is_wrong(text: str, where: tuple[int, str | None]) -> None:
    assert told(read_text(text)) == [where]


def test_a_fixed_manifest_names_nobody_else() -> None:
    defaults = RowDefaults(user="alice", group="lab-a", fixed=True)
    manifest = read_text("path,user,group,dataset\na.tif,alice,lab-a,D\nb.tif,bob,,D\nc.tif,,lab-b,D\n", defaults)
    assert [row.path for row in manifest.rows] == ["a.tif"]
    assert told(manifest) == [(3, "user"), (4, "group")]


def test_a_spreadsheet_says_the_same() -> None:
    content = spreadsheet(
        ["path", "dataset", "kv:Day", "form:f:n", "form:f:yes"], ["a.tif", "D", 12.0, 3, True], [None], ["", "E"]
    )
    manifest = read_manifest("m.XLSX", content, ALICE)
    [row] = manifest.rows
    assert row.key_values == (("Day", "12"),)
    assert row.forms[0].values == {"n": 3, "yes": True}
    assert told(manifest) == [(4, "path")]


def test_json_says_the_same() -> None:
    rows = [
        {"path": "a.tif", "dataset": "D", "key_values": [["k", "1"], ["k", "2"]], "forms": {"f": {"n": 3}}},
        {"path": "b.tif", "dataset": 7},
        {"path": "c.tif", "dataset": "D", "colour": "red"},
    ]
    manifest = read_manifest("m.json", json.dumps(rows, indent=1).encode(), ALICE)
    [row] = manifest.rows
    assert (row.line, row.key_values) == (2, (("k", "1"), ("k", "2")))
    assert [column for _, column in told(manifest)] == ["dataset", "colour"]
    lines = json.dumps(rows, indent=1).splitlines()
    assert all(lines[line - 1].strip() == "{" for line, _ in told(manifest))


def test_json_that_breaks_off_keeps_what_came_before() -> None:
    manifest = read_text('[{"path": "a.tif", "dataset": "D"},\n{"path": ', name="m.json")
    assert [row.path for row in manifest.rows] == ["a.tif"]
    assert [line for line, _ in told(manifest)] == [2]


def test_the_same_row_is_the_same_order_every_night() -> None:
    [tonight] = make_orders(read_text("path,dataset\na.tif,D\nb.tif,D\n").rows)
    [another] = make_orders(read_text("path,dataset,kv:k\nb.tif,D,v\n").rows)
    assert tonight.uuid == another.uuid == batch_token("alice", "lab-a", tonight.destination)
    assert another.files[0].key_values == (("k", "v"),)
    other, *_ = make_orders(read_text("path,dataset\na.tif,E\n").rows)
    assert other.uuid != tonight.uuid


def test_more_files_than_an_order_holds_become_orders_of_one_token() -> None:
    rows = "\n".join(f"{number}.tif,D" for number in range(MOST_FILES + 1))
    first, second = make_orders(read_text(f"path,dataset\n{rows}\n").rows)
    assert (len(first.files), len(second.files), first.uuid) == (MOST_FILES, 1, second.uuid)


@given(st.sampled_from(["m.csv", "m.tsv", "m.json", "m.xlsx", "m.txt"]), st.binary(max_size=300))
def test_no_bytes_make_it_raise(name: str, content: bytes) -> None:
    manifest = read_manifest(name, content, ALICE)
    assert manifest.problems or manifest.rows or name.endswith("json")


@given(st.text(max_size=200))
def test_no_text_under_good_headings_is_lost(text: str) -> None:
    """Whatever the lines say, each that is not blank is a row or a problem."""
    manifest = read_text("path,dataset,kv:k\n" + text)
    if any(character.isalnum() for character in text):
        assert manifest.rows or manifest.problems


_NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\0"), min_size=1, max_size=20)


@given(st.lists(st.tuples(_NAMES, _NAMES), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_saves_comes_back(cells: list[tuple[str, str]], separator: str) -> None:
    """Quotes, separators and non-ASCII in cells; every row is there, in its sequence, or is told."""
    content = io.StringIO(newline="")
    writer = csv.writer(content, delimiter=separator)
    writer.writerow(["path", "dataset", "kv:what"])
    writer.writerows([name, "D", value] for name, value in cells)
    manifest = read_text("\ufeff" + content.getvalue())
    lines = {row.line for row in manifest.rows} | {line for line, _ in told(manifest)}
    spoken = {number for number, (name, value) in enumerate(cells, start=2) if name.strip() or value.strip()}
    assert lines >= spoken
    for row in manifest.rows:
        name, value = cells[row.line - 2]
        assert row.path == name.strip()
        assert row.key_values == ((("what", value.strip()),) if value.strip() else ())


@given(
    st.lists(st.dictionaries(st.sampled_from(["path", "dataset", "kv", "user"]), st.none() | st.integers() | _NAMES))
)
def test_every_object_of_json_is_a_row_or_a_problem(rows: list[dict[str, object]]) -> None:
    manifest = read_manifest("m.json", json.dumps(rows).encode(), ALICE)
    assert len(manifest.rows) + len(manifest.problems) >= len(rows)


@given(st.text("ab\"',;\t", max_size=40))
def test_the_separator_is_one_of_three(line: str) -> None:
    assert find_separator(line) in ",;\t"


def test_half_a_character_is_no_text() -> None:
    """Wherever JSON has it: in a field, a member's name, or a form's value in a table."""
    for row in ('{"path": "a.tif", "series": "\\ud800"}', '{"\\ud800": 1}', '{"forms": {"f": {"x": "\\ud800"}}}'):
        manifest = read_manifest("m.json", f"[\n{row}]".encode(), ALICE)
        assert told(manifest) == [(2, None)]
        assert manifest.model_dump_json()
    manifest = read_text('path,dataset,form:sample:n\na.tif,D,"""\\ud800"""\n')
    assert told(manifest) == [(2, "form:sample")]


def test_more_forms_than_a_destination_can_have() -> None:
    headings = ",".join(f"form:f{number}:x" for number in range(MOST_FORMS + 2))
    manifest = read_text(f"path,dataset,{headings}\na.tif,D{',1' * (MOST_FORMS + 2)}\nb.tif,D\n")
    assert told(manifest) == [(2, f"form:f{MOST_FORMS}"), (2, f"form:f{MOST_FORMS + 1}")]
    assert [row.path for row in manifest.rows] == ["b.tif"]
    assert make_orders(manifest.rows)


def test_a_spreadsheet_that_tells_too_small_a_size_is_read_whole() -> None:
    whole = spreadsheet(["path", "dataset"], ["a.tif", "D"], ["b.tif", "D"])
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                assert b'ref="A1:B3"' in content
                content = content.replace(b'ref="A1:B3"', b'ref="A1:B2"')
            new.writestr(part, content)
    assert [row.path for row in read_manifest("m.xlsx", changed.getvalue(), ALICE).rows] == ["a.tif", "b.tif"]
