"""OME-TIFFs as streams: every reader gets the pixels back, and the bytes are the same from wherever one begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from converters import ome_tiff_stream
from converters.errors import UnwritableOutput
from converters.image_file import Channel, Plane
from converters.ome_tiff_stream import CHUNK, Document, OmeTiffStream
from converters.ome_xml import read_annotation
from converters.reader import open_image_file
from tests.unit.converters.test_ome_tiff_writer import DTYPES, noise, series_of

DOCUMENT = Document("an image", "urn:uuid:00000000-0000-0000-0000-00000000000a", "test/space", {"key": "value"})
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 70), st.integers(1, 70))


def write(stream: OmeTiffStream, path: Path) -> bytes:
    """The whole stream, written to a file too."""
    pieces = list(stream.read())
    assert all(pieces)
    content = b"".join(pieces)
    assert len(content) == stream.size
    path.write_bytes(content)
    return content


def check_pixels(path: Path, data: np.ndarray[Any, Any]) -> None:
    """Our own reader and tifffile give (t, c, z, y, x) back."""
    with open_image_file(path) as image:
        (series,) = image.series
        assert (series.size_t, series.size_c, series.size_z, series.size_y, series.size_x) == data.shape
        assert series.dtype == data.dtype
        for t, c, z in np.ndindex(*data.shape[:3]):
            np.testing.assert_array_equal(series.plane(z, c, t), data[t, c, z])
    np.testing.assert_array_equal(tifffile.imread(path).reshape(data.shape), data)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SIZES, dtype=st.sampled_from(DTYPES), block=st.sampled_from((1 << 20, 4096, 64)), data=st.data())
def test_pixels_come_back_from_every_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], dtype: str, block: int, data: st.DataObject
) -> None:
    """Small blocks make bands of rows and tiles of planes that would be read whole."""
    monkeypatch.setattr(ome_tiff_stream, "BLOCK", block)
    monkeypatch.setattr(ome_tiff_stream, "CHUNK", 640)
    monkeypatch.setattr(ome_tiff_stream, "_TILE", 32)
    monkeypatch.setattr(ome_tiff_stream, "_FEWEST_ROWS", 8)
    pixels = noise(*shape, dtype=dtype)
    path = tmp_path / "a.ome.tif"
    stream = OmeTiffStream(series_of(pixels), DOCUMENT)
    content = write(stream, path)
    check_pixels(path, pixels)
    offset = data.draw(st.integers(0, len(content)))
    assert b"".join(stream.read(offset)) == content[offset:]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("limit", [0, 1 << 31], ids=["bigtiff", "classic"])
def test_every_type_in_both_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, limit: int) -> None:
    monkeypatch.setattr(ome_tiff_stream, "_CLASSIC_LIMIT", limit)
    path, pixels = tmp_path / "a.ome.tif", noise(2, 2, 3, 33, 47, dtype=dtype)
    write(OmeTiffStream(series_of(pixels), DOCUMENT), path)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff == (limit == 0)
        assert tiff.is_ome
        assert len(tiff.pages) == 12
        if pixels.itemsize <= 8:  # tifffile calls no pages of larger pixels so
            assert all(page.is_contiguous for page in tiff.pages)
    check_pixels(path, pixels)
    ome_types.validate_xml(tifffile.tiffcomment(path))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize("block", [1 << 12, 1 << 23], ids=["tiles", "strips"])
@pytest.mark.parametrize("limit", [0, 1 << 31], ids=["bigtiff", "classic"])
def test_libtiff_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, block: int, limit: int) -> None:
    """Through Pillow: another reader than ours and tifffile, which ours is built on."""
    monkeypatch.setattr(ome_tiff_stream, "_CLASSIC_LIMIT", limit)
    monkeypatch.setattr(ome_tiff_stream, "BLOCK", block)
    path, pixels = tmp_path / "a.ome.tif", noise(1, 2, 2, 33, 147, dtype=dtype)
    write(OmeTiffStream(series_of(pixels), DOCUMENT), path)
    with Image.open(path) as image:
        assert image.n_frames == 4
        for number, expected in enumerate(pixels.reshape(4, 33, 147)):
            image.seek(number)
            np.testing.assert_array_equal(np.asarray(image), expected)


def test_metadata_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    channels = (Channel("DAPI <1> μ", (1, 2, 3, 255), 461.0, 358.0), Channel(None, None))
    source = series_of(
        noise(1, 2, 3, 20, 30),
        channels=channels,
        physical_size_x=0.1625,
        physical_size_y=0.2,
        physical_size_z=1.5,
        acquired=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    write(OmeTiffStream(source, replace(DOCUMENT, name="na\u00efve \x07name")), path)
    xml = tifffile.tiffcomment(path)
    ome_types.validate_xml(xml)
    assert read_annotation(xml, "test/space") == {"key": "value"}
    with open_image_file(path) as image:
        (again,) = image.series
        assert (again.name, again.channels, again.acquired) == ("na\u00efve name", channels, source.acquired)
        assert (again.physical_size_x, again.physical_size_y, again.physical_size_z) == (0.1625, 0.2, 1.5)
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[-1].tags
        across, down = (np.divide(*tags[name].value) for name in ("XResolution", "YResolution"))
        assert (across, down) == pytest.approx((1e4 / 0.1625, 1e4 / 0.2), rel=1e-6)
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER


@pytest.mark.parametrize("size", [None, 0.0, -1.0, 1e-9, 1e12, float("nan")])
def test_a_size_that_no_tag_can_hold_is_left_out(tmp_path: Path, size: float | None) -> None:
    path, pixels = tmp_path / "a.ome.tif", noise(1, 1, 1, 4, 4)
    write(OmeTiffStream(series_of(pixels, physical_size_x=size, physical_size_y=0.1), DOCUMENT), path)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.tags["ResolutionUnit"].value == tifffile.RESUNIT.NONE
    check_pixels(path, pixels)


class Gradient:
    """A plane of any size without memory: each pixel says where it is. Keeps the largest rectangle asked for."""

    def __init__(self) -> None:
        self.largest = 0
        self.reads = 0

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        self.largest = max(self.largest, width * height * 2)
        self.reads += 1
        rows, columns = np.arange(y, y + height, dtype=np.uint32), np.arange(x, x + width, dtype=np.uint32)
        return (rows[:, None] * 31 + columns[None, :] * 7 + z * 11).astype(np.uint16)


def gradient(width: int, height: int, planes: int) -> tuple[OmeTiffStream, Gradient]:
    pixels = Gradient()
    series = replace(
        series_of(np.empty((1, 1, planes, 1, 1), np.uint16)),
        size_x=width,
        size_y=height,
        levels=((width, height),),
        pixels=pixels,
    )
    return OmeTiffStream(series, DOCUMENT), pixels


@pytest.mark.parametrize(("width", "height"), [(5000, 1800), (17_000, 1100), (1500, 7001)])
def test_large_planes_are_read_in_blocks(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "a.ome.tif"
    stream, pixels = gradient(width, height, 2)
    with path.open("wb") as file:
        for piece in stream.read():
            assert len(piece) <= CHUNK
            file.write(piece)
    assert path.stat().st_size == stream.size
    assert pixels.largest <= ome_tiff_stream.BLOCK
    expected = Gradient().read(1, 0, 0, 0, 0, 0, width, height)
    np.testing.assert_array_equal(tifffile.imread(path, key=1), expected)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages.first.is_tiled == (width == 17_000)


def test_a_file_over_four_gigabytes_is_a_bigtiff_and_its_end_is_read_alone(tmp_path: Path) -> None:
    path, edge, planes = tmp_path / "a.ome.tif", 2048, 700
    stream, pixels = gradient(edge, edge, planes)
    plane = edge * edge * 2
    assert stream.size > planes * plane > 1 << 32
    with path.open("wb") as file:  # its middle stays a hole
        for piece in stream.read():
            file.write(piece)
            if file.tell() >= stream.size - (planes - 1) * plane:
                break
        file.seek(stream.size - plane)
        file.writelines(stream.read(stream.size - plane))
    assert path.stat().st_size == stream.size
    assert pixels.reads == 2
    with open_image_file(path) as image:
        (series,) = image.series
        for z in (0, planes - 1):
            np.testing.assert_array_equal(series.plane(z, 0, 0), pixels.read(z, 0, 0, 0, 0, 0, edge, edge))
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        assert len(tiff.pages) == planes


def test_many_planes_have_their_directories(tmp_path: Path) -> None:
    """More than are made at once."""
    path, pixels = tmp_path / "a.ome.tif", noise(50, 1, 50, 3, 2, dtype="uint8")
    stream = OmeTiffStream(series_of(pixels), DOCUMENT)
    content = write(stream, path)
    check_pixels(path, pixels)
    for offset in range(1, len(content), 9973):
        assert b"".join(stream.read(offset)) == content[offset:]


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16"])
def test_types_that_ome_lacks_are_refused(dtype: str) -> None:
    with pytest.raises(UnwritableOutput, match="no pixel type"):
        OmeTiffStream(series_of(noise(1, 1, 1, 5, 5, dtype=dtype)), DOCUMENT)


def test_offsets_outside_are_refused() -> None:
    stream = OmeTiffStream(series_of(noise(1, 1, 1, 5, 5)), DOCUMENT)
    assert list(stream.read(stream.size)) == []
    for offset in (-1, stream.size + 1):
        with pytest.raises(ValueError, match="outside"):
            list(stream.read(offset))
