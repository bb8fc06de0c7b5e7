"""ROIs as other clients read them are the labels, pixel by pixel, on the planes where the label image has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from omero.sys import ParametersI
from skimage.draw import disk, polygon2mask

from contracts import namespaces
from contracts.analysis_run import ResultOptions, RoiShape
from contracts.failures import FailureCategory, FailureError
from contracts.run_results import NotALabelImage, Result
from tasks import label_rois
from tasks.label_rois import rois_once
from tests.sandbox.results.conftest import LOG, Bench, only

Plane = tuple[int | None, int | None, int | None]


def cells(shape: tuple[int, int] = (48, 64), first: int = 1) -> NDArray[np.uint16]:
    """Four round cells; one has a hole, one is in two parts, one fills a corner of the image."""
    labels = np.zeros(shape, np.uint16)
    for number, middle in enumerate(((12, 12), (12, 40), (36, 12)), start=first):
        labels[disk(middle, 9.3, shape=shape)] = number
    labels[10:14, 38:43] = 0
    labels[36:38, :30] = 0
    labels[-9:, -11:] = first + 3
    return labels


def rois_of(bench: Bench, image: int) -> list[Any]:
    return list(bench.gateway.getRoiService().findByImage(image, None).rois)


def decoded(roi: Any, shape: tuple[int, int]) -> Iterator[tuple[str, Plane, NDArray[np.bool_]]]:
    """Text, plane (z, c, t) and pixels of each shape of a ROI, read as clients read them."""
    for drawn in roi.copyShapes():
        pixels = np.zeros(shape, bool)
        if drawn.ice_staticId().endswith("Mask"):
            x, y, width, height = (int(side.val) for side in (drawn.x, drawn.y, drawn.width, drawn.height))
            bits = np.unpackbits(np.frombuffer(drawn.getBytes(), np.uint8), count=width * height)
            pixels[y : y + height, x : x + width] = bits.reshape(height, width)
        else:
            points = [[float(number) for number in point.split(",")] for point in drawn.points.val.split(" ")]
            # skimage counts from the pixels' middles, OMERO from their corners
            pixels = polygon2mask(shape, np.array(points)[:, ::-1] - 0.5)
        plane = tuple(None if axis is None else axis.val for axis in (drawn.theZ, drawn.theC, drawn.theT))
        yield drawn.textValue.val, plane, pixels


def drawn_labels(bench: Bench, image: int, shape: tuple[int, int], plane: Plane = (None, None, None)) -> Any:
    """The label image that the ROIs on a plane make together; no two of them may overlap."""
    labels = np.zeros(shape, np.int64)
    for roi in rois_of(bench, image):
        for text, where, pixels in decoded(roi, shape):
            if where == plane:
                assert not labels[pixels].any()
                labels[pixels] = int(text)
    return labels


def make(bench: Bench, file: Any) -> Result:
    made = rois_once(bench.work, bench.belonging(file), LOG)
    assert isinstance(made, Result)
    return made


@pytest.mark.parametrize("shape", RoiShape)
async def test_rois_are_the_labels(bench: Bench, shape: RoiShape) -> None:
    bench.options = ResultOptions(rois=shape)
    image = bench.input().image
    file = bench.bring_image(f"{image}_cells_labels.tif", cells())
    result = make(bench, file)
    assert (result.object_type, result.object_id, result.input, result.count) == ("Image", image, image, 4)
    assert (drawn_labels(bench, image, (48, 64)) == cells()).all()
    names = {roi.name.val for roi in rois_of(bench, image)}
    assert names == {f"nuclei__{bench.uuid}"}
    shapes = [len(roi.copyShapes()) for roi in rois_of(bench, image)]
    assert sorted(shapes) == ([1, 1, 1, 2] if shape is RoiShape.POLYGONS else [1, 1, 1, 1])
    alphas = {drawn.fillColor.val & 0xFF for roi in rois_of(bench, image) for drawn in roi.copyShapes()}
    assert alphas == {0x01 if shape is RoiShape.POLYGONS else 0x80}
    again = make(bench, file)
    assert again == result.model_copy(update={"was_there": True})
    assert len(rois_of(bench, image)) == 4


async def test_what_the_rois_say_of_themselves(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image = bench.input("cells.czi").image
    file = bench.bring_image(f"{image}_cells_labels.tif", cells())
    make(bench, file)
    rows = bench.rows(
        "select distinct l.child.id from RoiAnnotationLink l where l.parent.image.id = :id", ParametersI().addId(image)
    )
    assert len(rows) == 1
    pairs = dict(bench.pairs("Roi", rois_of(bench, image)[0].id.val, namespaces.RESULT))
    assert pairs["UUID"] == str(bench.uuid)
    assert pairs["Input_Image"] == str(image)
    assert pairs["Result_Path"] == file.path
    assert pairs["ROIs"] == "4"
    assert pairs["Param_note"] == 'nuclei"; touch /tmp/x; echo "'


async def test_a_stack_over_time_is_one_roi_an_object(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image = bench.input(sizes=(64, 48, 3, 2, 2)).image
    stack = np.zeros((2, 3, 48, 64), np.uint8)
    stack[0, 0], stack[0, 1], stack[1, 2] = cells(), np.where(cells() == 2, 2, 0), np.roll(cells(), 2, 1)
    file = bench.bring_image(f"{image}_cells.tif", stack, imagej=True, metadata={"axes": "TZYX"})
    assert make(bench, file).count == 4
    for t, z in np.ndindex(2, 3):
        assert (drawn_labels(bench, image, (48, 64), (z, None, t)) == stack[t, z]).all()
    assert len(rois_of(bench, image)) == 4
    planes = bench.gateway.getRoiService().findByPlane(image, 1, 0, None).rois
    assert [shape.textValue.val for roi in planes for shape in roi.copyShapes() if shape.theZ.val == 1] == ["2"]


async def test_channels_have_objects_of_their_own(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.POLYGONS)
    image = bench.input(sizes=(64, 48, 1, 2, 1)).image
    both = np.stack([cells(), np.where(cells() == 1, 1, 0)]).astype(np.uint16)
    file = bench.bring_image(f"{image}_cells.tif", both, imagej=True, metadata={"axes": "CYX"})
    assert make(bench, file).count == 5
    for channel in range(2):
        assert (drawn_labels(bench, image, (48, 64), (None, channel, None)) == both[channel]).all()
    assert make(bench, file).was_there


async def test_two_label_images_of_one_input(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image = bench.input().image
    for name in ("nuclei", "cells"):
        make(bench, bench.bring_image(f"{image}_cells_{name}.tif", cells()))
    assert len(rois_of(bench, image)) == 8


async def test_what_is_missing_is_made_in_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.options = ResultOptions(rois=RoiShape.POLYGONS)
    squares = np.kron(np.arange(1, 521).reshape(20, 26), np.pad(np.ones((6, 6)), 2))
    labels = squares.astype(np.uint16)
    image = bench.input(sizes=(260, 200, 1, 1, 1)).image
    file = bench.bring_image(f"{image}_cells.tif", labels)
    assert make(bench, file).count == 520
    taken = [roi.id.val for roi in rois_of(bench, image)[100:104]]
    bench.gateway.deleteObjects("Roi", taken, wait=True)
    monkeypatch.setattr(label_rois, "ROIS_AT_ONCE", 3)
    assert not make(bench, file).was_there
    assert len(rois_of(bench, image)) == 520
    assert (drawn_labels(bench, image, labels.shape) == labels).all()


async def test_no_object_is_no_failure(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image = bench.input().image
    assert make(bench, bench.bring_image(f"{image}_cells.tif", np.zeros((48, 64), np.uint16))).count == 0
    assert rois_of(bench, image) == []


@pytest.mark.parametrize(
    ("name", "pixels", "category"),
    [
        ("{}_cells.tif", np.eye(20, dtype=np.uint8), FailureCategory.LABELS_DO_NOT_FIT),
        ("all.tif", cells(), FailureCategory.LABELS_DO_NOT_FIT),
        ("{}_gone.tif", cells(), FailureCategory.INPUT_GONE),
    ],
)
async def test_labels_that_fit_nowhere(
    bench: Bench, name: str, pixels: NDArray[Any], category: FailureCategory
) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image, other = bench.input().image, bench.input().image
    file = bench.bring_image(name.format(image), pixels)
    if "gone" in name:
        bench.gateway.deleteObjects("Image", [image], wait=True)
    with pytest.raises(FailureError) as caught:
        rois_once(bench.work, bench.belonging(file), LOG)
    assert caught.value.failure.category is category
    assert rois_of(bench, other) == []


async def test_an_image_of_intensities_makes_no_rois(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    image = bench.input().image
    noise = np.random.default_rng(3).poisson(80, (48, 64)).astype(np.uint16)
    made = rois_once(bench.work, bench.belonging(bench.bring_image(f"{image}_cells.tif", noise)), LOG)
    assert isinstance(made, NotALabelImage)
    assert "intensities" in made.reason
    assert rois_of(bench, image) == []


async def test_another_input_without_labels_is_told(bench: Bench) -> None:
    bench.options = ResultOptions(rois=RoiShape.MASKS)
    good, bad = bench.input("a.czi"), bench.input("b.czi")
    bench.bring_image(f"{good.image}_a_labels.tif", cells())
    bench.bring_image(f"{good.image}_a_probability.tif", cells() / np.float32(3))
    bench.bring_image(f"{bad.image}_b_probability.tif", cells() / np.float32(3))
    results = await bench.import_results()
    assert results.summary == "3 images, 4 ROIs; 1 failed"
    failed = only(results.failed)
    assert failed.path.endswith(f"{bad.image}_b_probability.tif")
    assert failed.failure.category is FailureCategory.LABELS_DO_NOT_FIT
    assert "between whole numbers" in failed.failure.summary
