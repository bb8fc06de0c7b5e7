"""OME-Zarr that a workflow wrote: an image and ROIs of it in OMERO, by way of an OME-TIFF beside the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaozarrs
import zarr
from numpy.typing import NDArray

from contracts.analysis_run import ResultOptions, RoiShape
from contracts.failures import FailureCategory
from contracts.run_results import ResultKind
from tests.sandbox.results.conftest import Bench, only
from tests.sandbox.results.test_rois import cells


def bring_store(bench: Bench, name: str, pixels: NDArray[np.generic], version: int = 3) -> Path:
    """A store of one plane, as NGFF 0.5 or 0.4, and all its files among those that came."""
    folder = bench.folder / "0" / name
    group = zarr.open_group(folder, mode="w", zarr_format=version)
    group.create_array("0", data=pixels, chunks=(16, 16), dimension_names=("y", "x") if version == 3 else None)
    scale = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    multiscales = {"multiscales": [{"name": name, "axes": axes, "datasets": [scale]}]}
    if version == 3:
        group.attrs.update({"ome": {"version": "0.5"} | multiscales})
    else:
        multiscales["multiscales"][0]["version"] = "0.4"
        group.attrs.update(multiscales)
    yaozarrs.validate_zarr_store(folder)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            bench.came(str(file.relative_to(bench.folder / "0")))
    return folder


async def test_stores_become_images_and_rois_once(bench: Bench) -> None:
    """Labels of 64 bits, which OME-TIFF has no place for, keep every value; what is no label image stays an image."""
    bench.options = ResultOptions(rois=RoiShape.POLYGONS, label_images="*labels*", archive=True)
    staged = bench.input("cells.czi")
    labels = bring_store(bench, f"{staged.image}_cells_labels.ome.zarr", cells().astype(np.int64))
    bring_store(bench, f"{staged.image}_cells_smooth.zarr", cells().astype(np.float32) / 2, version=2)
    results = await bench.import_results()
    assert (results.failed, results.left) == ((), ())
    images = [result for result in results.results if result.kind is ResultKind.IMAGE]
    assert [Path(image.path).name.partition("_cells_")[2] for image in images] == ["labels.ome.tif", "smooth.ome.tif"]
    assert {image.input for image in images} == {staged.image}
    found = bench.gateway.getObject("Image", images[0].object_id)
    assert found.getPixelsType() == "uint32"
    assert (found.getPrimaryPixels().getPlane(0, 0, 0) == cells()).all()
    assert results.count(ResultKind.ROIS) == len(np.unique(cells())) - 1
    assert results.count(ResultKind.ARCHIVE) == 1

    again = await bench.import_results()
    assert {(result.kind, result.object_id) for result in again.results} == {
        (result.kind, result.object_id) for result in results.results
    }
    assert labels.is_dir()


async def test_a_broken_store_fails_by_itself(bench: Bench) -> None:
    staged = bench.input("cells.czi")
    bring_store(bench, f"{staged.image}_good.zarr", cells())
    wide = np.full((48, 64), 1 << 40, np.uint64)
    bring_store(bench, f"{staged.image}_wide.zarr", wide)
    bench.bring(f"{staged.image}_empty.zarr/notes.txt", "no store at all")
    results = await bench.import_results()
    assert only(results.results).path.endswith("_good.ome.tif")
    assert {Path(failed.path).name.partition("_")[2]: failed.failure.category for failed in results.failed} == {
        "empty.zarr": FailureCategory.BROKEN_FILE,
        "wide.zarr": FailureCategory.UNKNOWN_FORMAT,
    }


async def test_stores_stay_where_they_are_when_no_images_are_wanted(bench: Bench) -> None:
    bench.options = ResultOptions(import_images=False)
    staged = bench.input("cells.czi")
    folder = bring_store(bench, f"{staged.image}_labels.zarr", cells())
    results = await bench.import_results()
    assert (results.results, results.failed) == ((), ())
    assert set(results.left) == {file.path for file in bench.files}
    assert not list(folder.parent.glob("*.tif"))
