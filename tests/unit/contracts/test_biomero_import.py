"""A row of BIOMERO's `imports` becomes an order that can be placed, or a failure that says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.biomero_import import (
    ImportStage,
    Standing,
    StoredOrder,
    StoredPreprocessing,
    read_order,
    stages_due,
)
from contracts.failures import FailureCategory, FailureError
from contracts.import_order import ImportOrder

TOKEN = "7f0c3c52-3b7e-4d0f-9e8f-6f0f4a0b1c2d"
LEICA = StoredPreprocessing(
    container="cellularimagingcf/convertleica-docker:v1.2.0",
    input_file="{Files}",
    output_folder="/data",
    alt_output_folder="/out",
    extra_params='{"image_uuid": "0b3c-77"}',
)


def row(**changes: Any) -> StoredOrder:
    plain = {
        "uuid": TOKEN,
        "group_name": "demo",
        "user_name": "alice",
        "destination_id": "451",
        "destination_type": "Dataset",
        "files": '["/data/core A/day 1/a.lif", "/data/core A/b.tif"]',
    }
    return StoredOrder(**(plain | changes))


def read(stored: StoredOrder, folder: str = "core A") -> ImportOrder:
    return read_order(stored, mount="/data", folder=folder)


def test_a_row_as_front_ends_write_it() -> None:
    order = read(row(preprocessing=LEICA))
    assert (str(order.uuid), order.user, order.group, str(order.destination)) == (TOKEN, "alice", "demo", "Dataset 451")
    assert [file.path for file in order.files] == ["day 1/a.lif", "b.tif"]
    assert order.preprocessing is not None
    assert order.preprocessing.converter == LEICA.container
    assert order.preprocessing.options == {"image_uuid": "0b3c-77"}


@pytest.mark.parametrize("folder", ["", "."])
def test_a_group_may_have_the_whole_storage(folder: str) -> None:
    assert [file.path for file in read(row(), folder).files] == ["core A/day 1/a.lif", "core A/b.tif"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uuid": "order 7"}, "'order 7' is no UUID"),
        ({"destination_id": "siRNA"}, "'siRNA' is no number"),
        ({"destination_id": "-1"}, "'-1' is no number"),
        ({"destination_id": "9" * 30}, "is no number"),
        ({"destination_type": "Project"}, "destination.type"),
        ({"user_name": ""}, "user"),
        ({"group_name": "a\nb"}, "group"),
        ({"files": "/data/core A/a.lif"}, "no JSON"),
        ({"files": "9" * 5000}, "no JSON"),
        ({"files": "[]"}, "no list of paths"),
        ({"files": '{"a": 1}'}, "no list of paths"),
        ({"files": '["/data/core A/a.lif", 7]'}, "no list of paths"),
        ({"files": '["core A/a.lif"]'}, "no absolute path"),
        ({"files": '["/data/core A/a\\u0000.lif"]'}, "control character"),
        ({"files": '["/data/core A/\\ud800.lif"]'}, "files"),
        ({"files": '["/data/core A/a.lif", "/data/core A/a.lif"]'}, "twice"),
        ({"files": '["/data/core A/"]'}, "empty"),
        ({"preprocessing": LEICA.model_copy(update={"container": "Org/Image"})}, "no container image"),
        ({"preprocessing": LEICA.model_copy(update={"input_file": "a.lif"})}, "'a.lif'"),
        ({"preprocessing": LEICA.model_copy(update={"output_folder": "data"})}, "'data' is no absolute path"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": "[1]"})}, "no object"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": "{"})}, "no JSON"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": '{"a": true}'})}, "neither a text nor a number"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": '{"u": "{UUID}"}'})}, "names no image"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": '{"outputfolder": "/x"}'})}, "outputfolder"),
        ({"preprocessing": LEICA.model_copy(update={"extra_params": '{"a b": "c"}'})}, "'a b'"),
    ],
)
def test_an_odd_row_is_refused_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FailureError) as raised:
        read(row(**changes))
    assert raised.value.failure.category is FailureCategory.BAD_REQUEST
    assert said in f"{raised.value.failure.summary} {raised.value.failure.detail}"


@pytest.mark.parametrize(
    "path", ["/data/core B/a.lif", "/etc/passwd", "/data/core A/../core B/a.lif", "/data/core AB/a.lif", "/data/core A"]
)
def test_a_file_of_another_group_is_refused(path: str) -> None:
    with pytest.raises(FailureError) as raised:
        read(row(files=json.dumps(["/data/core A/mine.tif", path])))
    assert raised.value.failure.category is FailureCategory.PATH_OUTSIDE_FOLDER
    assert repr(path) in raised.value.failure.summary


text = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=40)
json_text = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
).map(json.dumps)
folders = st.sampled_from(["/data/core A/", "/data/", "/data/core A/../", ""])
paths = st.lists(st.builds(str.__add__, folders, text)).map(json.dumps)


@given(
    st.builds(
        StoredOrder,
        uuid=st.uuids().map(str) | text,
        group_name=text,
        user_name=text,
        destination_id=st.integers().map(str) | text,
        destination_type=st.sampled_from(["Dataset", "Screen"]) | text,
        files=paths | json_text | text,
        preprocessing=st.none()
        | st.builds(
            StoredPreprocessing,
            container=st.sampled_from(["org/image:v1", "ghcr.io/org/image"]) | text,
            input_file=st.just("{Files}") | text,
            output_folder=st.just("/data") | text,
            alt_output_folder=st.none() | st.just("/out") | text,
            extra_params=st.none() | st.dictionaries(text, text, max_size=3).map(json.dumps) | json_text | text,
        ),
    )
)
def test_whatever_a_row_holds_it_is_an_order_or_a_failure(stored: StoredOrder) -> None:
    """What comes through can be sent to Prefect, and leaves the group's folder by no path."""
    try:
        order = read(stored)
    except FailureError as error:
        assert error.failure.summary
        return
    assert ImportOrder.model_validate_json(order.model_dump_json()) == order
    assert not any(".." in file.path.split("/") or file.path.startswith("/") for file in order.files)


@given(st.lists(st.sampled_from(Standing), min_size=1), st.booleans())
def test_the_stages_come_in_biomeros_sequence(standings: list[Standing], converts: bool) -> None:
    """However a run stands each time the bridge looks, every order begins, perhaps converts, and ends."""
    after = {
        ImportStage.STARTED: {ImportStage.PREPROCESSING, ImportStage.COMPLETED, ImportStage.FAILED},
        ImportStage.PREPROCESSING: {ImportStage.COMPLETED, ImportStage.FAILED},
        ImportStage.FAILED: {ImportStage.STARTED},
        ImportStage.COMPLETED: set(),
    }
    told = ImportStage.STARTED
    for standing in standings:
        for stage in stages_due(told, standing, converts=converts):
            assert stage in after[told]
            assert converts or stage is not ImportStage.PREPROCESSING
            assert not converts or stage is not ImportStage.COMPLETED or told is ImportStage.PREPROCESSING
            told = stage
        if standing in (Standing.COMPLETED, Standing.FAILED) and told is not ImportStage.COMPLETED:
            assert told is ImportStage.FAILED
        assert stages_due(told, standing, converts=converts) == ()
