"""Import orders: what is taken, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.destination import Destination, DestinationType
from contracts.import_order import MOST_FILES, ImportOrder
from contracts.source_file import SourceFile, check_relative_path

TOKEN = "7f0c3c52-3b7e-4d0f-9e8f-6f0f4a0b1c2d"


def order(**changes: Any) -> dict[str, Any]:
    plain = {
        "uuid": TOKEN,
        "user": "alice",
        "group": "lab-a",
        "destination": {"type": "Dataset", "name": "siRNA 7"},
        "files": [{"path": "day1/a.lif"}],
    }
    return plain | changes


def test_an_order_survives_the_way_through_json() -> None:
    placed = ImportOrder.model_validate(order(key_values=[["Stain", "DAPI"], ["Stain", "GFP"]]))
    assert placed.uuid == UUID(TOKEN)
    assert ImportOrder.model_validate_json(placed.model_dump_json()) == placed
    assert ImportOrder.model_validate(json.loads(placed.model_dump_json())) == placed


def test_title_names_files_and_destination() -> None:
    assert ImportOrder.model_validate(order()).title == 'Import a.lif -> Dataset "siRNA 7"'
    several = order(files=[{"path": "a.lif"}, {"path": "b.czi"}, {"path": "c.tif"}])
    assert ImportOrder.model_validate(several).title == 'Import a.lif and 2 more -> Dataset "siRNA 7"'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"files": []}, "at least 1 item"),
        ({"files": [{"path": f"{n}.tif"} for n in range(MOST_FILES + 1)]}, f"at most {MOST_FILES}"),
        ({"files": [{"path": "a.tif"}, {"path": "a.tif"}]}, "twice"),
        ({"files": [{"path": "a.lif", "series": "3"}]}, "needs preprocessing"),
        ({"user": ""}, "at least 1 character"),
        ({"user": "al\nice"}, "pattern"),
        ({"user": 7}, "valid string"),
        ({"uuid": "not-a-uuid"}, "valid UUID"),
        ({"colour": "blue"}, "not permitted"),
        ({"destination": {"type": "Dataset"}}, "either the destination's id or its name"),
        ({"destination": {"type": "Dataset", "id": 1, "name": "x"}}, "either the destination's id or its name"),
        ({"destination": {"type": "Dataset", "id": "1"}}, "valid integer"),
        ({"destination": {"type": "Folder", "id": 1}}, "Dataset"),
        ({"destination": {"type": "Screen", "name": "x", "project": "p"}}, "only with a Dataset"),
        ({"destination": {"type": "Dataset", "name": "   "}}, "blank"),
        ({"preprocessing": {"converter": "a b"}}, "pattern"),
        ({"preprocessing": {"converter": "--privileged"}}, "pattern"),
        ({"preprocessing": {"converter": "builtin", "options": {"inputfile": "x"}}}, "set by the contract"),
        ({"preprocessing": {"converter": "builtin", "options": {"a b": "x"}}}, "not a word"),
        ({"engine": "magic"}, "in-place"),
    ],
)
def test_bad_orders_are_refused_in_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=".*") as refusal:
        ImportOrder.model_validate(order(**change))
    assert words in str(refusal.value)


def test_ten_thousand_files_are_one_order() -> None:
    files = [{"path": f"{n}.tif"} for n in range(MOST_FILES)]
    assert len(ImportOrder.model_validate(order(files=files)).files) == MOST_FILES


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        "",
        ".",
        "a\nb",
        "a\x00b",
        "a\x7f",
        "x" * 256,
        "/".join(["y" * 250] * 17),
        "\udcff.tif",
        "é" * 128,
    ],
)
def test_paths_that_never_reach_the_disk(path: str) -> None:
    with pytest.raises(ValueError, match="path|name|absolute|control|UTF-8|part|relative"):
        check_relative_path(path)


@pytest.mark.parametrize(
    "path", ["a b.tif", "q\"uo'te.tif", "ünïcödé/图像.tif", "x" * 255, "$(rm -rf).tif", "-rf.tif", ".hidden", "a..b/c"]
)
def test_odd_but_honest_names_pass(path: str) -> None:
    assert SourceFile(path=path).path == path


@given(st.text())
def test_no_text_becomes_a_path_that_leaves_the_folder(text: str) -> None:
    try:
        path = check_relative_path(text)
    except ValueError:
        return
    assert not path.startswith("/") and ".." not in path.split("/") and "\0" not in path and path


def test_destination_reads_as_people_say_it() -> None:
    assert str(Destination(type=DestinationType.SCREEN, id=12)) == "Screen 12"


def test_contracts_are_immutable() -> None:
    placed = ImportOrder.model_validate(order())
    with pytest.raises(ValidationError, match="frozen"):
        placed.user = "bob"
