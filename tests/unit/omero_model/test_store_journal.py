"""What is on disk: round trips, a killed process, and refusals."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.omero.journal import Journal, JournalError, decode_record, encode_record
from sandbox.omero.records import Int32, Milliseconds, NamedValue, Quantity, Record
from sandbox.omero.store import Store
from tests.unit.omero_model.small_database import NOON, make_database

NOBODY: dict[str, Any] = {"owner": None, "group": None, "event": None}
WRITER = Path(__file__).with_name("write_until_killed.py")


@pytest.mark.parametrize(
    ("type_name", "field", "value"),
    [
        ("Image", "name", "é 𝄞 \x00 \ud800 'quoted'"),
        ("Image", "name", ""),
        ("Image", "series", Int32(-5)),
        ("Image", "acquisitionDate", Milliseconds(-1)),
        ("Image", "archived", False),
        ("OriginalFile", "size", 2**60),
        ("LongAnnotation", "longValue", 0),
        ("DoubleAnnotation", "doubleValue", float("inf")),
        ("Pixels", "physicalSizeX", Quantity("Length", 1e-9, "NANOMETER")),
        ("Mask", "bytes", bytes(range(256))),
        ("MapAnnotation", "mapValue", (NamedValue("key", "value"), NamedValue("key", ""))),
        ("MapAnnotation", "mapValue", ()),
        ("Namespace", "keywords", ("one", "two")),
    ],
)
def test_values_survive_with_their_types(tmp_path: Path, type_name: str, field: str, value: Any) -> None:
    store = Store(tmp_path / "omero.db")
    id = store.create(type_name, **NOBODY, **{field: value}).id
    store.close()
    reopened = Store(tmp_path / "omero.db")
    record = reopened.get(type_name, id)
    reopened.close()
    assert record is not None
    assert record.values[field] == value
    assert type(record.values[field]) is type(value)


def test_every_record_of_the_small_database_survives_encoding() -> None:
    store = make_database().store
    for type_name in ("Image", "Pixels", "MapAnnotation", "GroupExperimenterMap", "ExperimenterGroup"):
        for record in store.all(type_name):
            copy = Record(record.model, record.id)
            decode_record(copy, encode_record(record), store._tables)
            assert copy.values == record.values
            assert [getattr(copy, name) for name in Record.__slots__ if name != "values"] == [
                getattr(record, name) for name in Record.__slots__ if name != "values"
            ]


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_kill_loses_nothing_answered_and_nothing_by_half(tmp_path: Path, lines: int) -> None:
    """Twice in a row: the second process goes on where the first was killed."""
    path, answered = tmp_path / "omero.db", -1
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", str(WRITER), str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                answered = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            answered = max([answered, *map(int, writer.stdout.read().split())])
        store = Store(path)
        datasets = store.all("Dataset")
        assert store.setting("done") == len(datasets) >= answered + 1
        for number, dataset in enumerate(datasets):
            assert dataset.values["name"] == f"dataset {number}"
            assert dataset.values.get("description") == ("followed" if number < len(datasets) - 1 else None)
            links = store.collection(dataset, "imageLinks")
            assert [link.values["child"].values["name"] for link in links] == [f"left {number}", f"right {number}"]
        assert len(store.all("Image")) == 2 * len(datasets)
        store.close()


def test_a_database_in_use_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "omero.db")
    with pytest.raises(JournalError, match="another embedded OMERO"):
        Store(tmp_path / "omero.db")
    store.close()
    Store(tmp_path / "omero.db").close()


def test_another_format_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path / "omero.db").close()
    with sqlite3.connect(tmp_path / "omero.db") as connection:
        connection.execute("UPDATE format SET version = 'later'")
    connection.close()
    with pytest.raises(JournalError, match="format later"):
        Journal(tmp_path / "omero.db")


@pytest.mark.parametrize(
    "body",
    ["[99,null,null,null,null,null,null,{}]", "not json", "[]", '[null,null,null,null,null,null,null,{"nmae":"x"}]'],
)
def test_a_damaged_row_is_named(tmp_path: Path, body: str) -> None:
    store = Store(tmp_path / "omero.db")
    store.create("Image", **NOBODY, name="x", acquisitionDate=NOON)
    store.close()
    with sqlite3.connect(tmp_path / "omero.db") as connection:
        connection.execute("UPDATE record SET body = ? WHERE root = 'Image'", (body,))
    connection.close()
    with pytest.raises(JournalError, match="Image 1 cannot be read"):
        Store(tmp_path / "omero.db")
