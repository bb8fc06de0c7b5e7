"""Label images: what is in them, where it lies in their input, and what is no label image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from skimage.draw import disk

from contracts.failures import FailureCategory, FailureError
from tasks import label_image
from tasks.label_image import NotLabels, Planes, Sizes, open_label_image


def cells(size: int = 96, count: int = 9) -> NDArray[np.uint16]:
    """Discs, numbered from 1, not touching."""
    labels = np.zeros((size, size), np.uint16)
    side = int(np.ceil(count**0.5))
    pitch = size // side
    for number in range(count):
        middle = (number // side * pitch + pitch // 2, number % side * pitch + pitch // 2)
        labels[disk(middle, pitch * 0.4, shape=labels.shape)] = number + 1
    return labels


def write(folder: Path, pixels: NDArray[Any], **options: Any) -> Path:
    path = folder / "labels.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", **options)
    return path


def objects_in(path: Path) -> dict[tuple[int, int, int, int], NDArray[np.bool_]]:
    """(label, c, t, z) -> the object's pixels in its box, as batches read them."""
    with open_label_image(path) as image:
        spots = image.find_spots()
        found = {}
        for plane in {(spot["c"], spot["t"], spot["z"]) for spot in spots}:
            of_plane = spots[(spots["c"] == plane[0]) & (spots["t"] == plane[1]) & (spots["z"] == plane[2])]
            for spot, cut in image.cut_out(of_plane):
                assert cut.any(0)[[0, -1]].all() and cut.any(1)[[0, -1]].all(), "the box is not tight"
                key = tuple(int(spot[axis]) for axis in ("label", "c", "t", "z"))
                found[key] = (int(spot["top"]), int(spot["left"]), cut)
        return found


def drawn(path: Path, shape: tuple[int, int], plane: tuple[int, int, int] = (0, 0, 0)) -> NDArray[np.int64]:
    pixels = np.zeros(shape, np.int64)
    for (label, *where), (top, left, cut) in objects_in(path).items():
        if tuple(where) == plane:
            pixels[top : top + cut.shape[0], left : left + cut.shape[1]][cut] = label
    return pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "float32", ">u2"])
def test_every_object_is_found(tmp_path: Path, dtype: str) -> None:
    labels = cells().astype(dtype)
    assert (drawn(write(tmp_path, labels), labels.shape) == labels).all()


def test_objects_across_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = cells()
    labels[:, 40:44] = 300
    monkeypatch.setattr(label_image, "PIXELS_AT_ONCE", 96 * 7)
    assert (drawn(write(tmp_path, labels), labels.shape) == labels).all()


def test_large_and_scattered_numbers(tmp_path: Path) -> None:
    labels = cells().astype(np.uint32)
    labels[labels > 0] = labels[labels > 0] * 400_000_000 + 7
    assert (drawn(write(tmp_path, labels), labels.shape) == labels).all()


def test_no_background_and_nothing_but_background(tmp_path: Path) -> None:
    full = np.repeat(np.arange(1, 5, dtype=np.uint8), 8)[None].repeat(9, 0)
    assert (drawn(write(tmp_path, full), full.shape) == full).all()
    assert objects_in(write(tmp_path, np.zeros((9, 9), np.uint8))) == {}


def test_one_object_on_several_planes_stays_together(tmp_path: Path) -> None:
    stack = np.stack([cells(), np.where(cells() == 5, 5, 0), np.roll(cells(), 3, 1)]).astype(np.uint16)
    path = write(tmp_path, stack, imagej=True, metadata={"axes": "ZYX"})
    assert (drawn(path, stack.shape[1:], (0, 0, 2)) == stack[2]).all()
    with open_label_image(path) as image:
        spots = image.find_spots()
    numbers = spots["label"].tolist()
    assert numbers == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert spots[spots["label"] == 5]["z"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("axes", "shape", "input_sizes", "planes"),
    [
        ("YX", (8, 9), (9, 8, 1, 1, 1), Planes(False, False, False)),
        ("YX", (8, 9), (9, 8, 5, 3, 4), Planes(False, False, False)),
        ("ZYX", (5, 8, 9), (9, 8, 5, 3, 4), Planes(True, False, False)),
        ("TYX", (4, 8, 9), (9, 8, 5, 3, 4), Planes(False, False, True)),
        ("TZYX", (4, 5, 8, 9), (9, 8, 5, 3, 4), Planes(True, False, True)),
        ("CYX", (2, 8, 9), (9, 8, 1, 2, 1), Planes(False, True, False)),
        ("ZYX", (5, 8, 9), (9, 8, 4, 1, 1), None),
        ("TYX", (5, 8, 9), (9, 8, 5, 1, 1), None),
        ("CYX", (2, 8, 9), (9, 8, 1, 3, 1), None),
        ("YX", (8, 9), (8, 9, 1, 1, 1), None),
    ],
)
def test_where_planes_lie(
    tmp_path: Path, axes: str, shape: tuple[int, ...], input_sizes: Sizes, planes: Planes | None
) -> None:
    path = write(tmp_path, np.ones(shape, np.uint8), imagej=True, metadata={"axes": axes})
    with open_label_image(path) as image:
        if planes is not None:
            assert image.planes_in(input_sizes) == planes
            return
        with pytest.raises(FailureError) as caught:
            image.planes_in(input_sizes)
    assert caught.value.failure.category is FailureCategory.LABELS_DO_NOT_FIT
    assert str(input_sizes) in caught.value.failure.detail


def test_a_bare_stack_of_pages_is_the_inputs_only_stack(tmp_path: Path) -> None:
    path = write(tmp_path, np.ones((5, 8, 9), np.uint8))
    with open_label_image(path) as image:
        planes = image.planes_in((9, 8, 5, 2, 1))
        assert planes.place(0, 0, 3) == (3, None, None)
        assert image.planes_in((9, 8, 1, 2, 5)).place(0, 0, 3) == (None, None, 3)
        with pytest.raises(FailureError):
            image.planes_in((9, 8, 5, 2, 4))


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (cells() / np.float32(2), "between whole numbers"),
        (np.where(cells() == 1, np.float32(np.nan), 1), "between whole numbers"),
        (cells().astype(np.int16) - 3, "below 0"),
        (np.random.default_rng(1).poisson(90, (96, 96)).astype(np.uint16), "intensities"),
        (np.full((9, 9), 1 << 60, np.uint64), "above"),
        (np.ones((9, 9), np.complex64), "complex64"),
    ],
)
def test_what_is_no_label_image(tmp_path: Path, pixels: NDArray[Any], why: str) -> None:
    with open_label_image(write(tmp_path, pixels)) as image, pytest.raises(NotLabels, match=why):
        image.find_spots()


def test_a_colour_picture_and_two_images_are_no_label_image(tmp_path: Path) -> None:
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    with open_label_image(path) as image, pytest.raises(NotLabels, match="colour"):
        image.find_spots()
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.zeros((9, 9), np.uint8))
        tiff.write(np.zeros((7, 7), np.uint8))
    with pytest.raises(NotLabels, match="2 images"), open_label_image(path):
        pass


def test_a_class_map_and_a_binary_mask_are_label_images(tmp_path: Path) -> None:
    speckled = (np.random.default_rng(1).random((96, 96)) > 0.9).astype(np.uint8) * 255
    assert set(objects_in(write(tmp_path, speckled))) == {(255, 0, 0, 0)}


def test_more_objects_than_clients_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_image, "MOST_OBJECTS", 8)
    with open_label_image(write(tmp_path, cells())) as image, pytest.raises(FailureError) as caught:
        image.find_spots()
    assert caught.value.failure.category is FailureCategory.LABELS_DO_NOT_FIT
