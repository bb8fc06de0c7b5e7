"""Plates for workflows that take plates and OME-Zarr: one store each, the registered one or one that is written."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
import yaozarrs
import zarr
from omero.model import ImageI, PlateI, WellI, WellSampleI
from omero.rtypes import rint, rstring

from blocks.omero_session import OmeroSession
from contracts.staged_input import StagedForm
from contracts.staging_plan import StagingPlan
from converters.ome_zarr_plate import field_path, plate_files
from tasks.staging_sources import staged_files, staged_links, staged_stores
from tests.sandbox.staging.staging_ground import Ground
from tests.sandbox.staging.test_original_zarr import files_below, register, send
from tests.unit.converters.test_ome_zarr_reader import make_store

#: Row, column and field of each image.
PLACES = ((0, 1, 0), (0, 1, 1), (2, 0, 0))


def pixels(place: tuple[int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((1, 1, 1, 8, 9), sum(place), np.uint8)


def make_plate(ground: Ground, images: dict[tuple[int, int, int], int], name: str = "plate 7") -> int:
    plate, wells = PlateI(), dict[tuple[int, int], WellI]()
    plate.setName(rstring(name))
    for (row, column, _), image in sorted(images.items()):
        if (row, column) not in wells:
            well = wells[row, column] = WellI()
            well.setRow(rint(row))
            well.setColumn(rint(column))
            plate.addWell(well)
        sample = WellSampleI()
        sample.setImage(ImageI(image, False))
        wells[row, column].addWellSample(sample)
    saved = ground.alice.getUpdateService().saveAndReturnObject(plate, ground.alice.SERVICE_OPTS)
    return int(saved.id.val)


@pytest.fixture
def drawn(ground: Ground) -> int:
    """A plate of images that have no files."""
    return make_plate(ground, {place: ground.pixel_image(f"field {place}", pixels(place)) for place in PLACES})


@pytest.fixture
def store(ground: Ground) -> Path:
    """A plate as a converter wrote it, with more in it than OMERO shows."""
    folder = ground.folder / f"{uuid.uuid4().hex[:8]}.zarr"
    for file in plate_files("plate 7", {(0, 1): 2, (2, 0): 1, (2, 5): 1}):
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read())
    for place in (*PLACES, (2, 5, 0)):
        make_store(folder / field_path(*place), pixels(place))
    return folder


@pytest.fixture
def registered(ground: Ground, store: Path) -> int:
    images = {place: register(ground, str(store / field_path(*place)), pixels(place)) for place in PLACES}
    return make_plate(ground, images)


def test_a_plate_is_written_as_one_store(ground: Ground, session: OmeroSession, drawn: int, tmp_path: Path) -> None:
    single = ground.pixel_image("alone", pixels((0, 0, 0)))
    run = ground.run(plates=[drawn], images=[single], batch_size=1)
    plan = ground.plan(run, session, "omezarr", plates=True)
    (plate,) = plan.plates
    assert plate.file_name == f"plate-{drawn}_plate_7.ome.zarr" and plan.tasks == 2
    assert {one.input.path: one.input.task for one in plan.inputs if one.input.field} == {
        f"{plate.path}/{field_path(*place)}": plate.task for place in PLACES
    }
    send(plan, session, tmp_path)
    there = tmp_path / plate.path
    yaozarrs.validate_zarr_store(there)
    for place in PLACES:
        np.testing.assert_array_equal(zarr.open_array(there / field_path(*place) / "0", mode="r")[:], pixels(place))
    sent = {
        (path.relative_to(tmp_path).as_posix(), path.stat().st_size) for path in tmp_path.rglob("*") if path.is_file()
    }
    assert sent == staged_files(plan) and sum(size for _, size in sent) == plan.bytes_to_send
    assert StagingPlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_registered_plate_goes_as_it_is(
    ground: Ground, session: OmeroSession, registered: int, store: Path, tmp_path: Path
) -> None:
    plan = ground.plan(ground.run(plates=[registered]), session, "tif", "omezarr", plates=True)
    (plate,) = plan.plates
    assert plate.store is not None and plate.store.path == str(store)
    assert {one.input.form for one in plan.inputs} == {StagedForm.ORIGINAL_ZARR}
    assert [one.input.field for one in plan.inputs] == [field_path(*place) for place in PLACES]
    send(plan, session, tmp_path)
    assert files_below(tmp_path / plate.path) == files_below(store)
    assert plan.bytes_to_send == plate.size and not staged_files(plan) and set(staged_stores(plan)) == {plate.path}
    assert StagingPlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_registered_plate_is_linked(ground: Ground, session: OmeroSession, registered: int, store: Path) -> None:
    run = ground.run(plates=[registered])
    plan = ground.plan(run, session, "omezarr", plates=True, mounts={str(ground.folder): "/mnt/images"})
    (link,) = staged_links(plan)
    assert (link.path, link.target) == (plan.plates[0].path, f"/mnt/images/{store.name}")
    assert plan.bytes_to_send == 0 and {one.input.form for one in plan.inputs} == {StagedForm.LINK}


def test_fields_are_images_to_a_workflow_that_takes_images(ground: Ground, session: OmeroSession, drawn: int) -> None:
    plan = ground.plan(ground.run(plates=[drawn]), session, "omezarr")
    assert not plan.plates and not any(one.input.field for one in plan.inputs)
    plan = ground.plan(ground.run(plates=[drawn]), session, "tif", "omezarr", plates=True)
    assert not plan.plates and {one.input.form for one in plan.inputs} == {StagedForm.OME_TIFF}
