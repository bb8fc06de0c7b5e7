"""An OME-Zarr that OMERO shows in place goes to the cluster as it is: file for file, or as a link."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from omero.model import ExternalInfoI, ImageI
from omero.rtypes import rint, rlong, rstring

from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, FailureError
from contracts.remote_run import StagedLink
from contracts.staged_input import StagedForm
from contracts.staging_plan import PlannedInput, StagingPlan
from tasks.input_queries import ZARR_ENTITY
from tasks.original_stores import is_part_of_store
from tasks.staging_sources import open_staging_sources, staged_files, staged_links, staged_stores
from tests.sandbox.staging.staging_ground import Ground
from tests.unit.converters.test_ome_zarr_reader import make_store

DATA = np.random.default_rng(3).integers(0, 4000, (1, 2, 3, 20, 30), np.uint16)


@pytest.fixture
def store(ground: Ground) -> Path:
    """Compressed, in small chunks, with labels and what a file manager left: nothing that we would write."""
    folder = ground.folder / f"{uuid.uuid4().hex[:8]} cells.ome.zarr"
    make_store(folder, DATA)
    make_store(folder / "labels" / "nuclei", DATA[:, :1])
    (folder / ".DS_Store").write_bytes(b"left")
    return folder


def register(ground: Ground, address: str, data: np.ndarray[Any, Any] = DATA, series: int | None = None) -> int:
    """An image whose pixels OMERO is told to read there, as BIOMERO and omero-cli-zarr tell it."""
    image = ground.pixel_image("registered", data)
    info = ExternalInfoI()
    info.setEntityId(rlong(3))
    info.setEntityType(rstring(ZARR_ENTITY))
    info.setLsid(rstring(address))
    made: ImageI = ground.alice.getQueryService().get("Image", image, ground.alice.SERVICE_OPTS)
    made.details.externalInfo = info
    if series is not None:
        made.setSeries(rint(series))
    ground.alice.getUpdateService().saveObject(made, ground.alice.SERVICE_OPTS)
    return image


def plan_one(ground: Ground, session: OmeroSession, image: int, *formats: str, **mounts: Any) -> PlannedInput:
    (planned,) = ground.plan(ground.run(images=[image]), session, *formats, **mounts).inputs
    return planned


def files_below(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path: content for path, content in files.items() if is_part_of_store(path)}


def send(plan: StagingPlan, session: OmeroSession, there: Path) -> None:
    with open_staging_sources(plan, session) as sources:
        for source in sources:
            path = there / source.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(source.open()))
            assert b"".join(source.open(source.size // 2)) == path.read_bytes()[source.size // 2 :]


def test_the_workflow_finds_the_same_bytes(ground: Ground, session: OmeroSession, store: Path, tmp_path: Path) -> None:
    image = register(ground, store.as_uri())
    plan = ground.plan(ground.run(images=[image]), session, "tif", "omezarr")
    (planned,) = plan.inputs
    assert planned.input.form is StagedForm.ORIGINAL_ZARR
    assert (planned.input.original_file, planned.input.file_name) == (store.name, f"{image}_registered.ome.zarr")
    send(plan, session, tmp_path)
    there = tmp_path / planned.input.path
    assert files_below(there) == files_below(store)
    assert not (there / ".DS_Store").exists() and "labels/nuclei/scale0/image/.zarray" in files_below(there)
    assert plan.bytes_to_send == sum(map(len, files_below(store).values())) == planned.size
    assert staged_stores(plan) == {planned.input.path: (len(files_below(store)), planned.size)} and not staged_files(
        plan
    )
    np.testing.assert_array_equal(zarr.open_group(there, mode="r")["scale0/image"][:], DATA)  # type: ignore[index]
    assert StagingPlan.model_validate_json(plan.model_dump_json()) == plan


def test_the_images_own_series_of_several(ground: Ground, session: OmeroSession, tmp_path: Path) -> None:
    root = ground.folder / f"{uuid.uuid4().hex[:8]}.zarr"
    zarr.open_group(root, mode="w", zarr_format=2, attributes={"bioformats2raw.layout": 3})
    shapes = {number: np.full((1, 1, 1, 8, 8 + number), number, np.uint8) for number in range(2)}
    for number, data in shapes.items():
        make_store(root / str(number), data)
    for image in (
        register(ground, str(root / "1"), shapes[1]),
        register(ground, str(root), shapes[1], series=1),
    ):
        planned = plan_one(ground, session, image, "omezarr")
        assert planned.store is not None and planned.store.path == str(root / "1")
        assert planned.input.original_file == root.name


def test_a_link_where_the_cluster_mounts_the_storage(ground: Ground, session: OmeroSession, store: Path) -> None:
    image = register(ground, str(store))
    plan = ground.plan(ground.run(images=[image]), session, "zarr", mounts={str(ground.site.storage): "/mnt/images"})
    (planned,) = plan.inputs
    assert planned.input.form is StagedForm.LINK and planned.store is not None
    link = f"/mnt/images/lab-a/{ground.folder.name}/{store.name}"
    assert staged_links(plan) == (StagedLink(path=planned.input.path, target=link),)
    assert plan.bytes_to_send == 0 and not staged_files(plan) and not staged_stores(plan)


def lead_out(ground: Ground, store: Path) -> str:
    elsewhere = ground.site.storage / "lab-b" / store.name
    elsewhere.parent.mkdir(exist_ok=True)
    store.rename(elsewhere)
    store.symlink_to(elsewhere)
    return str(store)


def hold_a_link(ground: Ground, store: Path) -> str:
    (store / "secret").symlink_to("/etc/passwd")
    return str(store)


def have_an_odd_name(ground: Ground, store: Path) -> str:
    (store / "labels" / "my nuclei").mkdir()
    (store / "labels" / "my nuclei" / ".zgroup").write_text('{"zarr_format": 2}')
    return str(store)


def be_no_address(ground: Ground, store: Path) -> str:
    return f"s3://bucket/{store.name}"


@pytest.mark.parametrize("change", [lead_out, hold_a_link, have_an_odd_name, be_no_address])
def test_written_from_pixels_when_it_cannot_be_sent_as_it_is(
    ground: Ground, session: OmeroSession, store: Path, change: Callable[[Ground, Path], str]
) -> None:
    planned = plan_one(ground, session, register(ground, change(ground, store)), "omezarr")
    assert planned.input.form is StagedForm.OME_ZARR


def test_written_as_tiff_when_the_workflow_takes_no_zarr(ground: Ground, session: OmeroSession, store: Path) -> None:
    assert plan_one(ground, session, register(ground, str(store)), "tif").input.form is StagedForm.OME_TIFF


def test_a_store_that_is_not_the_registered_one_any_more(ground: Ground, session: OmeroSession, store: Path) -> None:
    image = register(ground, str(store), DATA[:, :, :2])
    with pytest.raises(FailureError, match="not the OME-Zarr any more") as refused:
        plan_one(ground, session, image, "omezarr")
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED
    gone = register(ground, f"{store}-gone")
    with pytest.raises(FailureError, match="is gone") as refused:
        plan_one(ground, session, gone, "omezarr")
    assert refused.value.failure.category is FailureCategory.FILE_NOT_FOUND


@pytest.mark.parametrize("how", ["touched", "grown", "more", "fewer", "swapped"])
def test_a_store_that_changes_after_the_plan(ground: Ground, session: OmeroSession, store: Path, how: str) -> None:
    plan = ground.plan(ground.run(images=[register(ground, str(store))]), session, "omezarr")
    chunk = next(path for path in store.rglob("*") if path.is_file() and path.name[0].isdecimal())
    if how == "touched":
        chunk.write_bytes(chunk.read_bytes())
    elif how == "grown":
        chunk.write_bytes(chunk.read_bytes() + b"more")
    elif how == "more":
        chunk.with_name("99").write_bytes(b"x")
    elif how == "fewer":
        chunk.unlink()
    else:
        store.rename(store.with_name("aside.zarr"))
        store.symlink_to("aside.zarr")
    with pytest.raises(FailureError) as refused, open_staging_sources(plan, session):
        pass
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED
