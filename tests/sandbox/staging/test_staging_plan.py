"""In which form, under which name and for which task each image goes to the cluster."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from blocks.omero_session import OmeroSession
from contracts.analysis_run import ResultOptions, RoiShape
from contracts.failures import FailureCategory, FailureError
from contracts.staged_input import StagedForm
from contracts.staging_plan import ImageChannel, PlannedInput, StagingPlan
from sandbox.samples.stack import PIXEL_SIZE, PLANE_DISTANCE, write_pyramid
from sandbox.samples.time_lapse import write_time_lapse
from tasks import original_files
from tasks.analysis_inputs import resolve_inputs
from tasks.managed_repository import location
from tests.sandbox.staging.staging_ground import Ground


@pytest.fixture
def name() -> str:
    """A file name that no test had before."""
    return f"cells {uuid.uuid4().hex[:8]}.tif"


def plan_one(
    ground: Ground, session: OmeroSession, image: int, *formats: str, **options: dict[str, str]
) -> PlannedInput:
    (planned,) = ground.plan(ground.run(images=[image]), session, *formats, **options).inputs
    return planned


def link_of(ground: Ground, image: int) -> Path:
    """Where OMERO's link to an image's file lies."""
    (file,) = ground.alice.getObject("Image", image).getImportedImageFiles()
    return location(ground.alice, ground.alice.c.getManagedRepository(), file.getId())


def test_the_imported_file_itself_when_the_workflow_takes_it(ground: Ground, session: OmeroSession, name: str) -> None:
    path = ground.write_tiff(name)
    (image,) = ground.import_files(path)
    planned = plan_one(ground, session, image, "tiff")
    assert planned.input.form is StagedForm.ORIGINAL
    assert planned.original is not None
    assert planned.original.path == str(path)
    assert planned.input.original_file == path.name
    assert planned.input.file_name == f"{image}_{path.stem.replace(' ', '_')}.tif"
    assert planned.input.path == f"in/0/{planned.input.file_name}"
    assert plan_one(ground, session, image).input.form is StagedForm.ORIGINAL, "no format named means TIFF"


def test_a_file_that_was_uploaded_lies_in_the_repository(ground: Ground, session: OmeroSession, name: str) -> None:
    (image,) = ground.import_files(ground.write_tiff(name), in_place=False)
    planned = plan_one(ground, session, image, "tif")
    assert planned.original is not None
    assert planned.original.path == str(link_of(ground, image))


def test_an_ome_tiff_with_its_pyramid(ground: Ground, session: OmeroSession) -> None:
    path = ground.folder / f"{uuid.uuid4().hex[:8]}.ome.tiff"
    write_pyramid(path)
    (image,) = ground.import_files(path)
    for formats in (["ometiff"], ["tif"], ["tif", "ome.tiff", "omezarr"]):
        planned = plan_one(ground, session, image, *formats)
        assert planned.input.form is StagedForm.ORIGINAL
        assert planned.input.file_name.endswith(".ome.tif")


def test_a_link_where_the_cluster_mounts_the_storage(ground: Ground, session: OmeroSession, name: str) -> None:
    path = ground.write_tiff(name)
    (image,) = ground.import_files(path)
    mounts = {str(ground.site.storage): "/mnt/images", str(ground.folder.parent): "/mnt/lab a", "/elsewhere": "/no"}
    planned = plan_one(ground, session, image, "tif", mounts=mounts)
    assert planned.input.form is StagedForm.LINK
    assert planned.link == f"/mnt/lab a/{ground.folder.name}/{name}"
    assert planned.original is not None
    assert plan_one(ground, session, image, "tif", mounts={"/elsewhere": "/no"}).input.form is StagedForm.ORIGINAL


def test_from_pixels_when_the_workflow_takes_another_tiff(ground: Ground, session: OmeroSession, name: str) -> None:
    (image,) = ground.import_files(ground.write_tiff(name))
    planned = plan_one(ground, session, image, "ometiff")
    assert planned.input.form is StagedForm.OME_TIFF
    assert planned.input.file_name.endswith(".ome.tif")
    assert planned.original is None


def test_from_pixels_when_an_image_is_not_one_file(ground: Ground, session: OmeroSession) -> None:
    lapse = ground.folder / uuid.uuid4().hex[:8]
    lapse.mkdir()
    companion = write_time_lapse(lapse, "migration")
    (image,) = ground.import_files(companion, *sorted(lapse.glob("*.tif")))
    planned = plan_one(ground, session, image, "tif")
    assert planned.input.form is StagedForm.OME_TIFF
    assert planned.input.file_name.endswith(".tif")
    assert planned.pixels is not None
    assert [channel.name for channel in planned.pixels.channels] == ["DAPI", "GFP"]


def test_from_pixels_when_a_file_is_not_one_image(ground: Ground, session: OmeroSession) -> None:
    path = ground.folder / f"{uuid.uuid4().hex[:8]}.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for seed in range(2):
            tiff.write(np.full((4, 4), seed, np.uint8), metadata={"axes": "YX"})
    images = ground.import_files(path)
    assert len(images) == 2
    planned = ground.plan(ground.run(images=images), session, "tif").inputs
    assert {one.input.form for one in planned} == {StagedForm.OME_TIFF}


def test_from_pixels_when_the_file_lies_outside_the_groups_folder(
    ground: Ground, session: OmeroSession, name: str
) -> None:
    (image,) = ground.import_files(ground.write_tiff(name))
    link = link_of(ground, image)
    elsewhere = ground.site.storage / "lab-b" / name
    elsewhere.parent.mkdir(exist_ok=True)
    link.resolve().rename(elsewhere)
    link.unlink()
    link.symlink_to(elsewhere)
    assert plan_one(ground, session, image, "tif").input.form is StagedForm.OME_TIFF


def test_from_pixels_when_the_worker_does_not_see_the_repository(
    ground: Ground, session: OmeroSession, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (image,) = ground.import_files(ground.write_tiff(name))
    monkeypatch.setattr(original_files, "root_of", lambda _: Path("/not", "mounted", "here"))
    assert plan_one(ground, session, image, "tif").input.form is StagedForm.OME_TIFF


@pytest.mark.parametrize("change", ["gone", "longer", "empty"])
def test_a_file_that_is_not_the_imported_one_any_more(
    ground: Ground, session: OmeroSession, name: str, change: str
) -> None:
    path = ground.write_tiff(name)
    (image,) = ground.import_files(path)
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"more" if change == "longer" else b"")
    with pytest.raises(FailureError) as refused:
        plan_one(ground, session, image, "tif")
    expected = {
        "gone": FailureCategory.FILE_NOT_FOUND,
        "longer": FailureCategory.FILE_CHANGED,
        "empty": FailureCategory.FILE_EMPTY,
    }
    assert refused.value.failure.category is expected[change]
    assert name in refused.value.failure.summary


def test_metadata_as_omero_has_them(ground: Ground, session: OmeroSession) -> None:
    path = ground.folder / f"{uuid.uuid4().hex[:8]}.ome.tif"
    write_pyramid(path)
    (image,) = ground.import_files(path)
    file = link_of(ground, image)
    file.unlink()
    file.symlink_to(os.path.realpath(__file__))  # so that it is no file to be taken
    planned = plan_one(ground, session, image, "tif")
    pixels = planned.pixels
    assert pixels is not None
    assert (pixels.size_x, pixels.size_y, pixels.size_z, pixels.size_c, pixels.size_t) == (640, 640, 3, 2, 1)
    assert (pixels.type, pixels.physical_size_x, pixels.physical_size_z) == ("uint16", PIXEL_SIZE, PLANE_DISTANCE)
    assert pixels.acquired is not None
    assert pixels.acquired.isoformat() == "2026-03-02T09:30:00+00:00"
    assert pixels.channels == (
        ImageChannel(name="DAPI", colour=(0, 102, 255, 255), emission_nm=461.0, excitation_nm=358.0),
        ImageChannel(name="GFP", colour=(0, 255, 0, 255), emission_nm=509.0, excitation_nm=488.0),
    )


def test_tasks_and_names(ground: Ground, session: OmeroSession) -> None:
    small = np.zeros((1, 1, 1, 4, 4), np.uint8)
    dataset = ground.dataset()
    images = [ground.pixel_image("μ same/name.lif [1]", small, dataset) for _ in range(5)]
    plan = ground.plan(ground.run(datasets=[dataset], batch_size=2), session, "ometiff")
    assert [one.input.file_name for one in plan.inputs] == [f"{image}_same_name.lif_1.ome.tif" for image in images]
    assert [one.input.task for one in plan.inputs] == [0, 0, 1, 1, 2]
    assert plan.tasks == 3
    assert ground.plan(ground.run(datasets=[dataset]), session, "ometiff").tasks == 1
    assert StagingPlan.model_validate_json(plan.model_dump_json()) == plan


def test_formats_that_are_not_sent(ground: Ground, session: OmeroSession, name: str) -> None:
    (image,) = ground.import_files(ground.write_tiff(name))
    with pytest.raises(FailureError, match=f"takes czi, png, which image {image}") as refused:
        plan_one(ground, session, image, "png", "czi")
    assert refused.value.failure.category is FailureCategory.FORM_NOT_AVAILABLE


def test_pixels_of_a_type_that_no_tiff_holds(ground: Ground, session: OmeroSession) -> None:
    made = ground.unwritten_image("mask.tif", "bit")
    with pytest.raises(FailureError, match="mask.tif") as refused:
        plan_one(ground, session, made, "tif")
    assert refused.value.failure.category is FailureCategory.UNUSABLE_INPUT


@pytest.mark.parametrize("parameter", ["../x", "", "a b", "a;b", "x" * 70])
def test_a_parameter_that_is_no_name(ground: Ground, session: OmeroSession, parameter: str) -> None:
    run = ground.run(images=[1], attachments={parameter: (1,)})
    with pytest.raises(FailureError) as refused:
        ground.plan(run, session)
    assert refused.value.failure.category is FailureCategory.BAD_REQUEST


@pytest.fixture(scope="module")
def readers(ground: Ground) -> Iterator[str]:
    """A group whose members may look at each other's data and no more; alice and bob are in it meanwhile."""
    name, admin = "readers", ground.root.getAdminService()
    group = ground.root.getObject("ExperimenterGroup", attributes={"name": name})
    if group is None:
        group = ground.root.getObject("ExperimenterGroup", ground.root.createGroup(name, perms="rwr---"))
    (ground.site.storage / name).mkdir(exist_ok=True)
    members = [ground.root.getObject("Experimenter", attributes={"omeName": user})._obj for user in ("alice", "bob")]
    for member in members:
        admin.addGroups(member, [group._obj])
    yield name
    for member in members:
        admin.removeGroups(member, [group._obj])


def test_no_rois_on_what_may_only_be_read(ground: Ground, readers: str) -> None:
    with ground.server.as_user("alice", readers) as session:
        made = session.gateway.createImageFromNumpySeq(iter([np.zeros((4, 4), np.uint8)]), "read only.tif")
        image = int(made.getId())
    with ground.server.as_user("bob", readers) as session:
        inputs = {"user": "bob", "group": readers, "images": [image]}
        resolve_inputs(ground.run(**inputs), session)
        results = ResultOptions(import_images=False, rois=RoiShape.MASKS)
        with pytest.raises(FailureError, match="may not put ROIs on Image .*read only.tif") as refused:
            resolve_inputs(ground.run(**inputs, results=results), session)
    assert refused.value.failure.category is FailureCategory.DESTINATION_NOT_WRITABLE
