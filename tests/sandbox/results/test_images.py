"""Result images: in place, beside their input, named and annotated; and nothing but results is annotated as one."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omero.model import ScreenI
from omero.rtypes import rstring
from omero.sys import ParametersI
from PIL import Image

from contracts import namespaces
from contracts.analysis_run import ResultOptions, RoiShape
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory
from contracts.run_results import ResultKind
from sandbox.samples.time_lapse import write_time_lapse
from tests.sandbox.results.conftest import FACTS, Bench, only
from tests.sandbox.results.test_rois import cells


def namespaces_on(bench: Bench, image: int) -> list[str]:
    rows = bench.rows(
        "select a.ns from ImageAnnotationLink l join l.child a where l.parent.id = :id", ParametersI().addId(image)
    )
    return sorted(row[0] for row in rows)


def links_of(bench: Bench, image: int) -> list[str]:
    """Where the files of an image's fileset lie."""
    root = bench.site.home.omero / "ManagedRepository"
    fileset = bench.gateway.getObject("Image", image).getFileset()
    return [os.readlink(root / file.getPath() / file.getName()) for file in fileset.listFiles()]


async def test_a_label_image_beside_its_input(bench: Bench) -> None:
    bench.options = ResultOptions(image_name="{original_file} nuclei.{ext}")
    staged = bench.input("My cells.czi")
    file = bench.bring_image(f"{staged.image}_My_cells_labels.ome.tif", cells())
    results = await bench.import_results()
    assert (results.failed, results.left, results.unmarked) == ((), (), ())
    result = only(results.results)
    assert (result.path, result.kind, result.input) == (file.path, ResultKind.IMAGE, staged.image)
    image = bench.gateway.getObject("Image", result.object_id)
    assert image.getName() == "My cells nuclei.ome.tif"
    assert image.getParent().getId() == bench.dataset
    assert image.getOwnerOmeName() == "alice"
    assert links_of(bench, result.object_id) == [str(bench.site.storage / "lab-a" / file.path)]
    assert (image.getPrimaryPixels().getPlane(0, 0, 0) == cells()).all()

    task = f"{namespaces.WORKFLOW}/task/nuclei"
    assert namespaces_on(bench, result.object_id) == sorted(
        [namespaces.TOKEN, namespaces.RESULT, namespaces.WORKFLOW, task, f"{task}/job"]
    )
    assert namespaces_on(bench, staged.image) == [namespaces.ANALYSIS]
    pairs = bench.pairs("Image", result.object_id, namespaces.RESULT)
    assert pairs[1:] == [
        ("UUID", str(bench.uuid)),
        ("Workflow", "nuclei"),
        ("Version", "v1.2"),
        ("Container", "ghcr.io/lab/nuclei:v1.2"),
        ("Container_Digest", FACTS.container_digest),
        ("Input_Image", str(staged.image)),
        ("Input_Name", "My cells.czi"),
        ("Input_File", "My cells.czi"),
        ("Username", "alice"),
        ("Group", "lab-a"),
        ("Result_Path", file.path),
        ("Result_SHA256", file.sha256),
        ("Task", "0"),
        ("Job_ID", "4711_0"),
        ("Param_diameter", "30"),
        ("Param_note", 'nuclei"; touch /tmp/x; echo "'),
        ("Param_gpu", "True"),
        ("Param_threshold", "0.5"),
    ]
    job = dict(bench.pairs("Image", result.object_id, f"{task}/job"))
    assert (job["Job_ID"], job["Workflow_ID"]) == ("4711_0", str(bench.uuid))
    on_input = dict(bench.pairs("Image", staged.image, namespaces.ANALYSIS))
    assert (on_input["UUID"], on_input["Workflow"]) == (str(bench.uuid), "nuclei")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "float32"])
async def test_thumbnails_of_label_images(bench: Bench, dtype: str) -> None:
    bench.input()
    bench.bring_image("labels.tif", cells().astype(dtype))
    result = only((await bench.import_results()).results)
    jpeg = bench.gateway.getObject("Image", result.object_id).getThumbnail((64, 64))
    seen = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.int16)
    assert seen.max() > 200 and seen.min() < 20


async def test_a_fileset_of_several_files_stays_together(bench: Bench) -> None:
    staged = bench.input()
    bench.options = ResultOptions(rois=None)
    folder = bench.folder / "0"
    folder.mkdir(parents=True)
    write_time_lapse(folder, f"{staged.image}_cells_tracked")
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 5
    for name in names:
        bench.came(name)
    results = await bench.import_results()
    assert results.failed == ()
    result = only(results.results)
    assert result.input == staged.image
    assert sorted(Path(link).name for link in links_of(bench, result.object_id)) == names
    assert bench.gateway.getObject("Image", result.object_id).getSizeT() == 4


async def test_a_companion_that_did_not_come(bench: Bench) -> None:
    staged = bench.input()
    folder = bench.folder / "0"
    folder.mkdir(parents=True)
    write_time_lapse(folder, f"{staged.image}_cells")
    for path in sorted(folder.iterdir())[:-1]:
        bench.came(path.name)
    results = await bench.import_results()
    assert {failed.failure.category for failed in results.failed} == {FailureCategory.FILE_CHANGED}
    assert results.results == ()


async def test_at_a_destination_of_choice(bench: Bench) -> None:
    bench.options = ResultOptions(
        destination=Destination(type=DestinationType.DATASET, name=f"Results {bench.uuid}"), rois=RoiShape.MASKS
    )
    first, second = bench.input("a.czi"), bench.input("b.czi", task=1)
    bench.bring_image(f"{first.image}_a.tif", cells())
    bench.bring_image(f"{second.image}_b.tif", cells(), 1)
    results = await bench.import_results()
    assert results.summary == "2 images, 8 ROIs"
    images = [result.object_id for result in results.results if result.kind is ResultKind.IMAGE]
    homes = {bench.gateway.getObject("Image", image).getParent().getName() for image in images}
    assert homes == {f"Results {bench.uuid}"}


async def test_only_rois_and_no_images(bench: Bench) -> None:
    bench.options = ResultOptions(import_images=False, rois=RoiShape.POLYGONS)
    staged = bench.input()
    bench.bring_image(f"{staged.image}_cells.tif", cells())
    before = bench.count("Image")
    results = await bench.import_results()
    assert only(results.results).kind is ResultKind.ROIS
    assert bench.count("Image") == before


@pytest.mark.parametrize("where", ["screen", "gone", "nowhere"])
async def test_images_that_have_no_place_keep_their_rois(bench: Bench, where: str) -> None:
    staged = bench.input()
    destination: Destination | None = None
    if where == "screen":
        screen: Any = ScreenI()
        screen.setName(rstring("screen"))
        saved = bench.gateway.getUpdateService().saveAndReturnObject(screen)
        destination = Destination(type=DestinationType.SCREEN, id=saved.id.val)
    elif where == "gone":
        destination = Destination(type=DestinationType.DATASET, id=999_999_999)
    else:
        bench.staged[0] = staged.model_copy(update={"dataset": None})
    bench.options = ResultOptions(destination=destination, rois=RoiShape.MASKS)
    bench.bring_image(f"{staged.image}_cells.tif", cells())
    before = bench.count("Fileset")
    results = await bench.import_results()
    category = FailureCategory.UNKNOWN_DESTINATION if where == "gone" else FailureCategory.BAD_REQUEST
    assert only(results.failed).failure.category is category
    assert only(results.results).kind is ResultKind.ROIS
    assert bench.count("Fileset") == before


async def test_one_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    staged = bench.input()
    bench.bring_image(f"{staged.image}_cells.tif", cells())
    whole = (bench.folder / "0" / f"{staged.image}_cells.tif").read_bytes()
    bench.bring(f"{staged.image}_cut.tif", whole[: len(whole) // 2])
    bench.bring(f"{staged.image}_text.tif", "no image at all")
    bench.bring(f"{staged.image}_empty.tif", "")
    bench.bring(f"{staged.image}_cells.csv", "a,b\n1\n")
    bench.bring(f"{staged.image}_cells.json", "{}")
    for name in (".zattrs", "0/.zarray", "0/0.0"):
        bench.bring(f"{staged.image}_cells.ome.zarr/{name}", "{}")
    results = await bench.import_results()
    assert results.summary == "1 image, 1 attachment; 5 failed"
    found = {Path(failed.path).name: failed.failure for failed in results.failed}
    assert {name: failure.category.value for name, failure in found.items()} == {
        f"{staged.image}_cut.tif": "broken-file",
        f"{staged.image}_text.tif": "unknown-format",
        f"{staged.image}_empty.tif": "file-empty",
        f"{staged.image}_cells.csv": "broken-file",
        f"{staged.image}_cells.ome.zarr": "broken-file",
    }
    assert all("microscope" not in failure.next_step for failure in found.values())


async def test_nothing_came(bench: Bench) -> None:
    bench.input()
    assert (await bench.import_results()).summary == "no results"


async def test_a_bad_pattern_is_told_before_anything(bench: Bench) -> None:
    bench.options = ResultOptions(image_name="{id}.{ext}")
    bench.bring_image(f"{bench.input().image}_cells.tif", cells())
    with pytest.raises(Exception, match="bad-request"):
        await bench.import_results()


async def test_a_colleagues_images(bench: Bench) -> None:
    """bob's images in a read-annotate group: alice's results, his inputs marked by her."""
    bob = Bench.of(bench, "bob")
    try:
        staged = bob.input("bobs.czi")
        bench.stage(staged.image, "bobs.czi", staged.dataset)
        bench.options = ResultOptions(
            destination=Destination(type=DestinationType.DATASET, id=bench.dataset), rois=RoiShape.MASKS
        )
        bench.bring_image(f"{staged.image}_bobs.tif", cells())
        results = await bench.import_results()
        assert (results.failed, results.unmarked) == ((), ())
        assert namespaces_on(bob, staged.image) == [namespaces.ANALYSIS]
        bench.options = ResultOptions()
        bench.uuid = uuid.uuid4()
        bench.files.clear()
        bench.bring_image(f"{staged.image}_bobs.tif", cells())
        failed = only((await bench.import_results()).failed)
        assert failed.failure.category is FailureCategory.DESTINATION_NOT_WRITABLE
    finally:
        bob.gateway.close()


async def test_inputs_that_may_not_be_annotated(bench: Bench) -> None:
    """A group whose members read each other's data and no more: results come, and the inputs stay as they are."""
    with bench.readers() as (owner, reader):
        staged = owner.input("theirs.czi")
        reader.stage(staged.image, "theirs.czi", staged.dataset)
        reader.options = ResultOptions(
            destination=Destination(type=DestinationType.DATASET, id=reader.dataset), rois=RoiShape.MASKS
        )
        reader.bring_image(f"{staged.image}_theirs.tif", cells())
        results = await reader.import_results()
        assert only(results.results).kind is ResultKind.IMAGE
        assert only(results.failed).failure.category is FailureCategory.DESTINATION_NOT_WRITABLE
        assert results.unmarked == (staged.image,)
        assert namespaces_on(owner, staged.image) == []
