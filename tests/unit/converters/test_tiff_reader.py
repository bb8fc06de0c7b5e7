"""Plain TIFFs, against tifffile's own reading of the same file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.reader import UnknownFormat, UnreadableFile, list_companions, open_image_file


def noise(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return (np.random.default_rng(5).random(shape) * 200).astype(dtype)


LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rowsperstrip": 7},
    "strips, zlib": {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
    "strips, lzw": {"rowsperstrip": 16, "compression": "lzw"},
    "tiles": {"tile": (32, 48)},
    "tiles, zstd": {"tile": (32, 16), "compression": "zstd"},
    "big-endian": {"byteorder": ">"},
    "big-endian, packbits": {"byteorder": ">", "compression": "packbits"},
    "BigTIFF": {"bigtiff": True, "rowsperstrip": 10},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
def test_grey_pages_are_time_points(tmp_path: Path, layout: str, dtype: str) -> None:
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, noise(3, 70, 101, dtype=dtype), photometric="minisblack", metadata=None, **LAYOUTS[layout])
    with open_image_file(path) as image, tifffile.TiffFile(path) as expected:
        (series,) = image.series
        assert image.format == "TIFF"
        assert (series.size_x, series.size_y, series.size_z, series.size_c, series.size_t) == (101, 70, 1, 1, 3)
        assert series.dtype == np.dtype(dtype)
        for t, page in enumerate(expected.pages):
            whole = page.asarray()
            np.testing.assert_array_equal(series.plane(0, 0, t), whole)
            np.testing.assert_array_equal(series.region(0, 0, t, 30, 20, 60, 45), whole[20:65, 30:90])
            assert series.plane(0, 0, t).dtype.isnative


@pytest.mark.parametrize(
    "options",
    [
        {"planarconfig": "contig"},
        {"planarconfig": "contig", "compression": "zlib", "rowsperstrip": 9},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "lzw", "rowsperstrip": 9},
        {"planarconfig": "contig", "tile": (32, 32), "compression": "jpeg"},
    ],
    ids=str,
)
def test_rgb_samples_are_three_channels(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "rgb.tif"
    data = noise(2, 61, 77, 3, dtype="uint8")
    if options["planarconfig"] == "separate":
        data = np.moveaxis(data, -1, 1)
    tifffile.imwrite(path, data, photometric="rgb", metadata=None, **options)
    with open_image_file(path) as image, tifffile.TiffFile(path) as expected:
        (series,) = image.series
        assert (series.size_c, series.size_t) == (3, 2)
        assert [channel.name for channel in series.channels] == ["Red", "Green", "Blue"]
        assert series.channels[2].colour == (0, 0, 255, 255)
        for t, page in enumerate(expected.pages):
            whole = page.asarray()
            whole = np.moveaxis(whole, 0, -1) if options["planarconfig"] == "separate" else whole
            for c in range(3):
                np.testing.assert_array_equal(series.plane(0, c, t), whole[:, :, c])
                np.testing.assert_array_equal(series.region(0, c, t, 5, 6, 40, 50), whole[6:56, 5:45, c])


def test_bilevel_is_read_as_zero_and_one(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    mask = noise(40, 33) > 100
    tifffile.imwrite(path, mask, photometric="minisblack", metadata=None)
    with open_image_file(path) as image:
        assert image.series[0].dtype == np.uint8
        np.testing.assert_array_equal(image.series[0].plane(0, 0, 0), mask.astype(np.uint8))


def test_imagej_hyperstack_keeps_its_axes_sizes_and_colours(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    data = noise(2, 4, 3, 30, 41)
    lookup = [np.outer(colour, np.arange(256)).astype(np.uint8) for colour in ((1, 0, 0), (0, 1, 0), (0, 1, 1))]
    tifffile.imwrite(
        path,
        data,
        imagej=True,
        resolution=(4, 5),
        metadata={"axes": "TZCYX", "unit": "micron", "spacing": 0.7, "LUTs": lookup},
    )
    with open_image_file(path) as image:
        (series,) = image.series
        assert (series.size_t, series.size_z, series.size_c) == (2, 4, 3)
        assert series.physical_size_x == pytest.approx(0.25)
        assert series.physical_size_y == pytest.approx(0.2)
        assert series.physical_size_z == pytest.approx(0.7)
        colours = [channel.colour for channel in series.channels]
        assert colours == [(255, 0, 0, 255), (0, 255, 0, 255), (0, 255, 255, 255)]
        for t, z, c in np.ndindex(2, 4, 3):
            np.testing.assert_array_equal(series.plane(z, c, t), data[t, z, c])


def test_imagej_stack_of_one_directory(tmp_path: Path) -> None:
    """ImageJ writes a stack over 4 GB behind a single directory; `truncate` makes a small one like it."""
    path = tmp_path / "long.tif"
    data = noise(6, 2, 20, 31)
    tifffile.imwrite(path, data, imagej=True, truncate=True, metadata={"axes": "ZCYX"})
    with open_image_file(path) as image:
        (series,) = image.series
        assert (series.size_z, series.size_c) == (6, 2)
        for z, c in np.ndindex(6, 2):
            np.testing.assert_array_equal(series.plane(z, c, 0), data[z, c])
            np.testing.assert_array_equal(series.region(z, c, 0, 3, 4, 20, 10), data[z, c, 4:14, 3:23])
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UnreadableFile, match="truncated"):
        open_image_file(path)


def test_pages_of_different_sizes_are_series_and_thumbnails_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mixed.tif"
    big, small, other = noise(2, 50, 60), noise(12, 15), noise(31, 32, dtype="uint8")
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(big, photometric="minisblack", metadata=None)
        tiff.write(small, photometric="minisblack", metadata=None, subfiletype=1)
        tiff.write(other, photometric="minisblack", metadata=None)
    with open_image_file(path) as image:
        assert [(series.size_x, series.size_y, series.size_t) for series in image.series] == [(60, 50, 2), (32, 31, 1)]
        assert [series.name for series in image.series] == ["mixed.tif #1", "mixed.tif #2"]
        np.testing.assert_array_equal(image.series[1].plane(0, 0, 0), other)


def test_subifds_are_levels(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    data = noise(128, 200)
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(data, subifds=2, tile=(64, 64), photometric="minisblack", metadata=None, compression="zlib")
        tiff.write(data[::2, ::2], tile=(64, 64), subfiletype=1, metadata=None, compression="zlib")
        tiff.write(data[::4, ::4], tile=(64, 64), subfiletype=1, metadata=None, compression="zlib")
    with open_image_file(path) as image:
        (series,) = image.series
        assert series.levels == ((200, 128), (100, 64), (50, 32))
        np.testing.assert_array_equal(series.plane(0, 0, 0, level=2), data[::4, ::4])
        np.testing.assert_array_equal(series.region(0, 0, 0, 70, 30, 20, 30, level=1), data[::2, ::2][30:60, 70:90])
        with pytest.raises(IndexError):
            series.plane(0, 0, 0, level=3)


def test_a_resolution_in_inches_is_no_physical_size(tmp_path: Path) -> None:
    for unit, expected in (("INCH", None), ("CENTIMETER", 0.5)):
        path = tmp_path / f"{unit}.tif"
        tifffile.imwrite(path, noise(9, 9), resolution=(20000, 20000), resolutionunit=unit, metadata=None)
        with open_image_file(path) as image:
            assert image.series[0].physical_size_x == (None if expected is None else pytest.approx(expected))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_region_equals_the_plane(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    layout = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
    path = tmp_path_factory.mktemp("region") / "a.tif"
    pixels = noise(height, width)
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None, **layout)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    with open_image_file(path) as image:
        np.testing.assert_array_equal(image.series[0].region(0, 0, 0, x, y, w, h), pixels[y : y + h, x : x + w])


def test_planes_are_read_from_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "threads.tif"
    data = noise(24, 64, 64)
    tifffile.imwrite(path, data, photometric="minisblack", metadata=None, compression="zlib")
    with open_image_file(path) as image, ThreadPoolExecutor(8) as pool:
        series = image.series[0]
        order = [t % 24 for t in range(240)]
        for t, plane in zip(order, pool.map(lambda t: series.plane(0, 0, t), order), strict=True):
            np.testing.assert_array_equal(plane, data[t])


@pytest.mark.parametrize("region", [(-1, 0, 5, 5), (0, 0, 10, 5), (0, 0, 0, 5), (8, 0, 2, 5), (0, 9, 5, 1)])
def test_regions_outside_are_refused(tmp_path: Path, region: tuple[int, int, int, int]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(9, 9))
    with open_image_file(path) as image, pytest.raises(IndexError):
        image.series[0].region(0, 0, 0, *region)


def test_other_formats_in_tiff_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    tifffile.imwrite(
        path,
        noise(64, 64, 3, dtype="uint8"),
        photometric="rgb",
        tile=(32, 32),
        description="Aperio Image Library v10.2.24\n64x64 [0,0 64x64]",
        metadata=None,
    )
    with pytest.raises(UnknownFormat, match="Aperio SVS"):
        open_image_file(path)


def test_a_loop_of_pages_ends(tmp_path: Path) -> None:
    path = tmp_path / "loop.tif"
    tifffile.imwrite(path, noise(8, 8), metadata=None, photometric="minisblack")
    content = bytearray(path.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    behind = first + 2 + 12 * entries
    content[behind : behind + 4] = first.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="loop"):
        open_image_file(path)


def test_a_file_that_shrinks_after_opening_is_noticed_at_the_plane(tmp_path: Path) -> None:
    path = tmp_path / "shrinks.tif"
    tifffile.imwrite(path, noise(4, 64, 64), metadata=None, photometric="minisblack")
    with open_image_file(path) as image:
        path.write_bytes(path.read_bytes()[:9000])
        with pytest.raises(UnreadableFile):
            image.series[0].plane(0, 0, 3)


def test_closed_files_refuse_and_close_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(9, 9))
    image = open_image_file(path)
    image.close()
    image.close()
    with pytest.raises(ValueError, match="closed"):
        image.series[0].plane(0, 0, 0)


def test_a_single_tiff_has_no_companions(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(9, 9))
    assert list_companions(path) == (path,)
