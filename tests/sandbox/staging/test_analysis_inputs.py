"""What is analysed: every image once, in an order that people expect, in few queries; or a clear refusal."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omero.model import (
    CommentAnnotationI,
    DatasetI,
    DatasetImageLinkI,
    FileAnnotationI,
    ImageI,
)
from omero.rtypes import rstring

from blocks.omero_session import OmeroSession
from contracts.analysis_run import ResultOptions, RoiShape
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, FailureError
from sandbox.samples.plate import COLUMNS, ROWS, SITES, write_plate
from tasks import analysis_inputs
from tasks.analysis_inputs import resolve_inputs
from tasks.input_queries import InputQueries
from tests.sandbox.staging.staging_ground import Ground

#: An id that no database of a test has come to.
NEVER = 1 << 40


@dataclass(frozen=True)
class Data:
    """Images by their places. `shared` lies in both datasets."""

    first: int
    second: int
    plate: int
    in_first: tuple[int, ...]
    in_second: tuple[int, ...]
    shared: int
    alone: int
    fields: tuple[int, ...]


@pytest.fixture(scope="module")
def data(ground: Ground) -> Data:
    mark = uuid.uuid4().hex[:8]
    first, second = ground.dataset(f"A {mark}"), ground.dataset(f"B {mark}")
    small = np.zeros((1, 1, 1, 4, 4), np.uint8)
    in_first = tuple(ground.pixel_image(name, small, first) for name in ("c.tif", "a.tif", "b.tif"))
    in_second = (ground.pixel_image("z.tif", small, second),)
    shared = ground.pixel_image("aa.tif", small, first)
    link = DatasetImageLinkI()
    link.setParent(DatasetI(second, False))
    link.setChild(ImageI(shared, False))
    ground.alice.getUpdateService().saveObject(link)
    alone = ground.pixel_image("alone.tif", small)
    fields = tuple(import_plate(ground))
    parents = ground.alice.getObject("Image", fields[0]).getParent().getParent().getParent()
    return Data(first, second, int(parents.getId()), in_first, in_second, shared, alone, fields)


def import_plate(ground: Ground) -> list[int]:
    htd = write_plate(ground.folder / "plate 7", "plate 7")
    files = [htd, *sorted((ground.folder / "plate 7").rglob("*.TIF"))]
    return ground.import_files(*files)


def ids(ground: Ground, session: OmeroSession, **inputs: Any) -> list[int]:
    return [image.seen.id for image in resolve_inputs(ground.run(**inputs), session).images]


def test_datasets_by_name_then_images_by_name(ground: Ground, session: OmeroSession, data: Data) -> None:
    c, a, b = data.in_first
    resolved = resolve_inputs(ground.run(datasets=[data.second, data.first, data.second]), session)
    assert [image.seen.id for image in resolved.images] == [a, data.shared, b, c, *data.in_second]
    assert [image.dataset for image in resolved.images] == [data.first] * 4 + [data.second]


def test_no_image_twice(ground: Ground, session: OmeroSession, data: Data) -> None:
    c, a, b = data.in_first
    named = [data.alone, c, c, data.shared, data.fields[0]]
    found = ids(ground, session, images=named, datasets=[data.second, data.first], plates=[data.plate])
    assert found == [data.alone, a, data.shared, b, c, *data.in_second, *data.fields]


def test_an_image_alone_is_in_the_dataset_where_it_lies(ground: Ground, session: OmeroSession, data: Data) -> None:
    resolved = resolve_inputs(ground.run(images=[data.shared, data.alone, data.in_first[0]]), session)
    assert [(image.seen.id, image.dataset) for image in resolved.images] == [
        (data.alone, None),
        (data.shared, data.first),
        (data.in_first[0], data.first),
    ]


def test_plates_by_well_and_field(ground: Ground, session: OmeroSession, data: Data) -> None:
    resolved = resolve_inputs(ground.run(plates=[data.plate]), session)
    assert [image.seen.id for image in resolved.images] == list(data.fields)
    assert len(resolved.images) == ROWS * COLUMNS * SITES
    assert {image.dataset for image in resolved.images} == {None}
    assert "Well A01, field 1" in resolved.images[0].seen.name
    assert f"Well B0{COLUMNS}, field {SITES}" in resolved.images[-1].seen.name


def test_as_many_queries_for_many_images_as_for_one(
    ground: Ground, session: OmeroSession, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Counted(InputQueries):
        def _rows(self, text: str, ids: Any) -> list[Any]:
            rows = super()._rows(text, ids)
            asked[-1] = self.asked
            return rows

    monkeypatch.setattr(analysis_inputs, "InputQueries", Counted)
    everything = {"datasets": [data.first, data.second], "plates": [data.plate]}
    for inputs in ({"images": [data.alone]}, everything | {"images": [data.alone, data.shared]}):
        asked.append(0)
        ids(ground, session, **inputs)
    assert asked == [2, 8]


# ---- bad input

Make = Callable[[Ground, Data], dict[str, Any]]


def deleted_image(ground: Ground, data: Data) -> dict[str, Any]:
    image = ground.pixel_image("deleted.tif", np.zeros((1, 1, 1, 4, 4), np.uint8))
    ground.delete("Image", image)
    return {"images": [data.alone, image]}


def deleted_dataset(ground: Ground, _: Data) -> dict[str, Any]:
    dataset = ground.dataset()
    ground.delete("Dataset", dataset)
    return {"datasets": [dataset]}


def comment(ground: Ground, data: Data) -> dict[str, Any]:
    note = CommentAnnotationI()
    note.setTextValue(rstring("no file"))
    made = ground.alice.getUpdateService().saveAndReturnObject(note).id.val
    return {"images": [data.alone], "attachments": {"model": (made,)}}


def annotation_without_file(ground: Ground, data: Data) -> dict[str, Any]:
    made = ground.alice.getUpdateService().saveAndReturnObject(FileAnnotationI()).id.val
    return {"images": [data.alone], "attachments": {"model": (made,)}}


def place(kind: DestinationType, object_id: int) -> ResultOptions:
    return ResultOptions(destination=Destination(type=kind, id=object_id))


BAD: dict[str, tuple[Make, FailureCategory, str]] = {
    "no such image": (
        lambda ground, data: {"images": [data.alone, NEVER, NEVER + 1]},
        FailureCategory.UNKNOWN_INPUT,
        f"There is no Image {NEVER}, {NEVER + 1} that 'alice' can see",
    ),
    "deleted image": (deleted_image, FailureCategory.UNKNOWN_INPUT, "There is no Image"),
    "no such dataset": (
        lambda ground, data: {"datasets": [data.first, NEVER]},
        FailureCategory.UNKNOWN_INPUT,
        f"There is no Dataset {NEVER} that",
    ),
    "deleted dataset": (deleted_dataset, FailureCategory.UNKNOWN_INPUT, "There is no Dataset"),
    "no such plate": (
        lambda ground, data: {"plates": [NEVER]},
        FailureCategory.UNKNOWN_INPUT,
        f"There is no Plate {NEVER} that",
    ),
    "image of another group": (
        lambda ground, data: {"images": [data.alone, ground.bare_image("elsewhere.tif", "lab-b")]},
        FailureCategory.UNKNOWN_INPUT,
        "('elsewhere.tif') belongs to group 'lab-b', not to 'lab-a'",
    ),
    "dataset of another group": (
        lambda ground, data: {"datasets": [ground.dataset("elsewhere", "lab-b")]},
        FailureCategory.UNKNOWN_INPUT,
        "('elsewhere') belongs to group 'lab-b', not to 'lab-a'",
    ),
    "empty dataset": (
        lambda ground, data: {"datasets": [data.first, ground.dataset("nothing in it")]},
        FailureCategory.EMPTY_INPUT,
        "('nothing in it') has no images",
    ),
    "empty plate": (
        lambda ground, data: {"plates": [ground.empty_plate()]},
        FailureCategory.EMPTY_INPUT,
        "('empty plate') has no images",
    ),
    "no pixels": (
        lambda ground, data: {"images": [data.alone, ground.bare_image("failed import.tif")]},
        FailureCategory.UNUSABLE_INPUT,
        "('failed import.tif') has no pixels",
    ),
    "no such attachment": (
        lambda ground, data: {"images": [data.alone], "attachments": {"model": (NEVER,)}},
        FailureCategory.UNKNOWN_INPUT,
        f"There is no FileAnnotation {NEVER} that",
    ),
    "an annotation that is no file": (comment, FailureCategory.UNUSABLE_INPUT, "is no file"),
    "an attachment without its file": (annotation_without_file, FailureCategory.UNUSABLE_INPUT, "is gone"),
    "no such destination": (
        lambda ground, data: {"images": [data.alone], "results": place(DestinationType.DATASET, NEVER)},
        FailureCategory.UNKNOWN_DESTINATION,
        f"There is no Dataset {NEVER}",
    ),
    "no dataset and no destination": (
        lambda ground, data: {"plates": [data.plate], "datasets": [data.first], "results": ResultOptions()},
        FailureCategory.BAD_REQUEST,
        "lies in no dataset",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(ground: Ground, session: OmeroSession, data: Data, name: str) -> None:
    make, category, says = BAD[name]
    run = ground.run(**make(ground, data))
    before = ground.census()
    with pytest.raises(FailureError) as refused:
        resolve_inputs(run, session)
    assert refused.value.failure.category is category
    assert says in refused.value.failure.summary
    assert ground.census() == before


BAD_FOR_BOB: dict[str, tuple[Make, FailureCategory, str]] = {
    "an image that he may not read": (
        lambda ground, data: {"images": [data.alone, ground.bare_image("private.tif", "lab-b")]},
        FailureCategory.UNKNOWN_INPUT,
        "that 'bob' can see",
    ),
    "results beside what he may not write": (
        lambda ground, data: {"datasets": [data.first], "results": ResultOptions()},
        FailureCategory.DESTINATION_NOT_WRITABLE,
        "'bob' may not put images into Dataset",
    ),
    "a destination that he may not write": (
        lambda ground, data: {"datasets": [data.first], "results": place(DestinationType.DATASET, data.second)},
        FailureCategory.DESTINATION_NOT_WRITABLE,
        "'bob' may not put images into Dataset",
    ),
}


@pytest.mark.parametrize("name", BAD_FOR_BOB)
def test_what_a_colleague_may_not_do(ground: Ground, session_of_bob: OmeroSession, data: Data, name: str) -> None:
    make, category, says = BAD_FOR_BOB[name]
    with pytest.raises(FailureError) as refused:
        resolve_inputs(ground.run(user="bob", **make(ground, data)), session_of_bob)
    assert refused.value.failure.category is category
    assert says in refused.value.failure.summary


def test_what_a_colleague_may_do(ground: Ground, session_of_bob: OmeroSession, data: Data) -> None:
    """In a group whose members annotate each other's data: results go to a dataset of his own, ROIs onto alice's."""
    own = Destination(type=DestinationType.DATASET, name=f"bob's {uuid.uuid4()}")
    results = ResultOptions(destination=own, rois=RoiShape.POLYGONS)
    run = ground.run(user="bob", datasets=[data.first], results=results)
    assert len(resolve_inputs(run, session_of_bob).images) == 4


def test_too_many_images(ground: Ground, session: OmeroSession, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_inputs, "MOST_IMAGES", 5)
    assert len(ids(ground, session, datasets=[data.first, data.second])) == 5, "the shared one counts once"
    for inputs in (
        {"images": [data.alone], "datasets": [data.first, data.second]},
        {"plates": [data.plate]},
    ):
        with pytest.raises(FailureError, match="are more than a run takes") as refused:
            ids(ground, session, **inputs)
        assert refused.value.failure.category is FailureCategory.TOO_MANY_IMAGES


def test_attachments_once_in_their_order(ground: Ground, session: OmeroSession, data: Data, tmp_path: Path) -> None:
    made = []
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text(name)
        made.append(int(ground.alice.createFileAnnfromLocalFile(str(tmp_path / name)).getId()))
    b, a = made
    run = ground.run(images=[data.alone], attachments={"table": (b, a, b), "other": (a,)})
    found = resolve_inputs(run, session).attachments
    assert {name: [one.name for one in files] for name, files in found.items()} == {
        "table": ["b.csv", "a.csv"],
        "other": ["a.csv"],
    }
