"""OME-Zarr as workflows write it: other people's library makes the stores, ours finds the pixels in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from converters.errors import UnknownFormat, UnreadableFile
from converters.readers.ome_zarr import is_store, open_store
from tests.unit.converters.test_ome_tiff_writer import noise


def make_store(
    folder: Path, data: np.ndarray[Any, Any], axes: str = "tczyx", version: str = "0.4", **more: Any
) -> Path:
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    chunks = tuple(min(size, 7) for size in data.shape)
    group.create_array("scale0/image", data=data, chunks=chunks)
    named = [{"name": axis, "type": {"t": "time", "c": "channel"}.get(axis, "space")} for axis in axes]
    for axis in named[-2:]:
        axis["unit"] = "nanometer"
    scale = [{"type": "scale", "scale": [250.0 if axis in "yx" else 1.0 for axis in axes]}]
    multiscale = {"axes": named, "datasets": [{"path": "scale0/image", "coordinateTransformations": scale}]}
    attributes: dict[str, Any] = {"multiscales": [multiscale | more]}
    group.attrs.update(attributes if version == "0.4" else {"ome": {"version": "0.5"} | attributes})
    return folder


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(("axes", "shape"), [("tczyx", (2, 3, 2, 20, 30)), ("zyx", (4, 20, 30)), ("yx", (20, 30))])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32"])
def test_pixels_come_back(tmp_path: Path, version: str, axes: str, shape: tuple[int, ...], dtype: str) -> None:
    data = noise(*shape, dtype=dtype)
    folder = make_store(tmp_path / "a.zarr", data, axes, version)
    assert is_store(folder)
    with open_store(folder) as image:
        (series,) = image.series
        whole = data.reshape([dict(zip(axes, shape, strict=True)).get(axis, 1) for axis in "tczyx"])
        assert (series.size_t, series.size_c, series.size_z, series.size_y, series.size_x) == whole.shape
        assert series.dtype == np.dtype(dtype)
        assert (series.physical_size_x, series.physical_size_z) == (0.25, None)
        for t, c, z in np.ndindex(*whole.shape[:3]):
            np.testing.assert_array_equal(series.plane(z, c, t), whole[t, c, z])
            np.testing.assert_array_equal(series.region(z, c, t, 3, 5, 11, 13), whole[t, c, z, 5:18, 3:14])


def test_several_images_of_bioformats2raw(tmp_path: Path) -> None:
    zarr.open_group(tmp_path, mode="w", zarr_format=2, attributes={"bioformats2raw.layout": 3})
    for number in (10, 2):
        make_store(tmp_path / str(number), noise(5, number, dtype="uint8"), "yx", name=f"image {number}")
    with open_store(tmp_path) as image:
        assert [(series.name, series.size_x) for series in image.series] == [("image 2", 2), ("image 10", 10)]


@pytest.mark.parametrize(
    ("attributes", "error", "said"),
    [
        ({"plate": {}}, UnknownFormat, "plate"),
        ({}, UnknownFormat, "without an image"),
        ({"multiscales": []}, UnreadableFile, "damaged"),
        ({"multiscales": [{"datasets": [{"path": "../b.zarr/0"}]}]}, UnreadableFile, "no path inside it"),
        ({"multiscales": [{"datasets": [{"path": "/etc"}]}]}, UnreadableFile, "no path inside it"),
        ({"multiscales": [{"datasets": [{"path": "gone"}]}]}, UnreadableFile, "damaged"),
        (
            {"multiscales": [{"axes": ["x", "y"], "datasets": [{"path": "scale0/image"}]}]},
            UnknownFormat,
            "axes are x, y",
        ),
        ({"multiscales": [{"axes": ["y"], "datasets": [{"path": "scale0/image"}]}]}, UnknownFormat, "axes are y"),
    ],
)
def test_what_is_no_image_is_said(
    tmp_path: Path, attributes: dict[str, Any], error: type[Exception], said: str
) -> None:
    folder = make_store(tmp_path / "a.zarr", noise(5, 6), "yx")
    make_store(tmp_path / "b.zarr", noise(5, 6), "yx")
    (folder / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(error, match=said):
        open_store(folder)


@pytest.mark.parametrize(("file", "content"), [(".zattrs", b"{"), ("scale0/image/.zarray", b"{}"), (".zgroup", b"")])
def test_damaged_metadata(tmp_path: Path, file: str, content: bytes) -> None:
    folder = make_store(tmp_path / "a.zarr", noise(5, 6), "yx")
    (folder / file).write_bytes(content)
    with pytest.raises(UnreadableFile):
        open_store(folder)


def test_a_damaged_chunk_is_told_with_the_plane(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "a.zarr", noise(5, 6), "yx")
    next(path for path in folder.rglob("0*") if path.is_file()).write_bytes(b"garbage")
    with open_store(folder) as image, pytest.raises(UnreadableFile, match="damaged"):
        image.series[0].plane(0, 0, 0)
