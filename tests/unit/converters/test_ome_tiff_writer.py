"""Written OME-TIFFs: the pixels come back, the XML is valid, the pyramid is the mean of what it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.errors import UnwritableOutput
from converters.image_file import Channel, Plane, Series
from converters.ome_tiff import Compression, Document, read_written_annotation, write_ome_tiff
from converters.pyramid import halve, level_sizes, scratch
from converters.reader import open_image_file
from converters.statistics import ChannelStatistics

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "complex64", "complex128")
UUID = "urn:uuid:00000000-0000-0000-0000-00000000000a"
DOCUMENT = Document("an image", UUID, "test/space", lambda _: {"key": "value"})


@dataclass
class ArrayPixels:
    """Pixels (t, c, z, y, x) in memory."""

    data: np.ndarray[Any, Any]

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        return self.data[t, c, z, y : y + height, x : x + width]


def series_of(data: np.ndarray[Any, Any], **changes: Any) -> Series:
    t, c, z, y, x = data.shape
    series = Series(0, "made", x, y, z, c, t, data.dtype, (Channel(),) * c, ((x, y),), ArrayPixels(data))
    return replace(series, **changes)


def noise(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return (np.random.default_rng(8).normal(size=shape) * 100).astype(np.int32).astype(dtype)


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_come_back(tmp_path: Path, dtype: str, compression: Compression) -> None:
    path = tmp_path / "a.ome.tiff"
    data = noise(2, 3, 2, 35, 530, dtype=dtype)
    write_ome_tiff(series_of(data), path, DOCUMENT, compression=compression)
    with open_image_file(path) as image:
        (series,) = image.series
        assert (series.size_t, series.size_c, series.size_z, series.dtype) == (2, 3, 2, np.dtype(dtype))
        for t, c, z in np.ndindex(2, 3, 2):
            np.testing.assert_array_equal(series.plane(z, c, t), data[t, c, z])
            np.testing.assert_array_equal(series.plane(z, c, t, level=1), halve(data[t, c, z]))
    np.testing.assert_array_equal(tifffile.imread(path), data)
    ome_types.validate_xml(tifffile.tiffcomment(path))


def test_metadata_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tiff"
    channels = (Channel("DAPI <1> \u03bc", (1, 2, 3, 255), 461.0, 358.0), Channel(None, (255, 255, 255, 255)))
    source = series_of(
        noise(1, 2, 3, 20, 30),
        channels=channels,
        physical_size_x=0.1625,
        physical_size_y=0.2,
        physical_size_z=1.5,
        acquired=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    write_ome_tiff(source, path, replace(DOCUMENT, name="na\u00efve \x07name"))
    ome = ome_types.from_tiff(path)
    ome_types.validate_xml(tifffile.tiffcomment(path))
    (image,) = ome.images
    assert image.name == "na\u00efve name"
    assert image.acquisition_date == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (image.pixels.physical_size_x, image.pixels.physical_size_z) == (0.1625, 1.5)
    assert image.pixels.physical_size_x_unit.value == "\u00b5m"
    assert image.pixels.channels[0].name == "DAPI <1> \u03bc"
    assert image.pixels.channels[0].emission_wavelength == 461.0
    with open_image_file(path) as again:
        assert again.series[0].channels == channels
        assert again.series[0].acquired == source.acquired
    assert read_written_annotation(path, "test/space") == {"key": "value"}
    assert read_written_annotation(path, "other") is None


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1, 1300), height=st.integers(1, 1300))
def test_every_size_has_its_pyramid(tmp_path_factory: pytest.TempPathFactory, width: int, height: int) -> None:
    path = tmp_path_factory.mktemp("sizes") / "a.ome.tiff"
    data = noise(1, 1, 1, height, width, dtype="uint8")
    write_ome_tiff(series_of(data), path, DOCUMENT)
    with open_image_file(path) as image:
        series = image.series[0]
        assert series.levels == level_sizes(width, height)
        expected = data[0, 0, 0]
        for level in range(len(series.levels)):
            np.testing.assert_array_equal(series.plane(0, 0, 0, level), expected)
            expected = halve(expected)


def test_levels_shrink_to_a_thumbnail() -> None:
    assert level_sizes(2049, 1000) == ((2049, 1000), (1024, 500), (512, 250))
    assert level_sizes(512, 512) == ((512, 512),)
    assert level_sizes(5000, 1) == ((5000, 1),)


def test_halving_rounds_half_up_and_does_not_overflow() -> None:
    assert halve(np.array([[0, 1], [1, 0]], np.uint8)).item() == 1
    assert halve(np.array([[-1, -1], [-1, 0]], np.int8)).item() == -1
    for dtype in ("uint8", "int16", "uint16", "uint32", "int32"):
        most = np.iinfo(dtype).max
        assert halve(np.full((2, 2), most, dtype)).item() == most


def test_large_scratch_lies_in_a_file(tmp_path: Path) -> None:
    array = scratch((5000, 5000), np.dtype(np.uint16), tmp_path)
    assert isinstance(array, np.memmap)
    array[-1, -1] = 7
    assert array[-1, -1] == 7 and list(tmp_path.iterdir()) == []


def test_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        write_ome_tiff(series_of(noise(2, 2, 1, 300, 700)), tmp_path / name, DOCUMENT)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16"])
def test_types_that_ome_lacks_are_refused(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(UnwritableOutput, match="no pixel type"):
        write_ome_tiff(series_of(noise(1, 1, 1, 5, 5, dtype=dtype)), tmp_path / "a", DOCUMENT)
    assert not (tmp_path / "a").exists()


def test_progress_counts_planes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_ome_tiff(
        series_of(noise(2, 3, 1, 9, 9)),
        tmp_path / "a",
        DOCUMENT,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(number, 6) for number in range(1, 7)]


def test_statistics() -> None:
    counted = ChannelStatistics(np.dtype(np.int16))
    assert counted.range is None
    counted.add(np.array([[-5, 3]], np.int16))
    counted.add(np.full((100, 100), 7, np.int16))
    assert (counted.range, counted.window) == ((-5.0, 7.0), (7.0, 7.0))
    floats = ChannelStatistics(np.dtype(np.float32))
    floats.add(np.array([np.nan, np.inf], np.float32))
    assert floats.range is None
    floats.add(np.array([1.5, -2.5, np.nan], np.float32))
    assert (floats.range, floats.window) == ((-2.5, 1.5), (-2.5, 1.5))
