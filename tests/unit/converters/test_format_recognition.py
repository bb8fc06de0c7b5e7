"""Content decides the format; what is not an image is told in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from converters.errors import ConverterError
from converters.reader import UnknownFormat, UnreadableFile, list_companions, open_image_file
from sandbox.samples import Sample

REAL = ("leica_wavelength_sweep.lif", "zeiss_tiles.czi", "zeiss_rgb-multichannel.czi", "zeiss_s_1_t_1_c_1_z_1.czi")


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", UnreadableFile, "empty"),
        (b"\0" * 9000, UnreadableFile, "nothing but zeros"),
        (b"hello, world", UnknownFormat, "no format that is read here"),
        (b"\x89PNG\r\n\x1a\n", UnknownFormat, "PNG"),
        (b"PK\x03\x04zip", UnknownFormat, "ZIP"),
        (b"II", UnknownFormat, "no format"),
        (b"\x89HDF\r\n", UnknownFormat, "HDF5"),
        (b"II*\0", UnreadableFile, "truncated"),
        (b"II*\0\0\0\0\0", UnreadableFile, "no pages"),
        (b"ZISRAWFILE", UnreadableFile, "truncated"),
        (b"II*\0\x08\0\0\0\xff", UnreadableFile, "truncated"),
    ],
)
@pytest.mark.parametrize("name", ["a.tif", "a.czi", "a.lif", "a.HTD", "a"])
def test_what_is_no_image(tmp_path: Path, content: bytes, kind: type[ConverterError], reason: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for read in (open_image_file, list_companions):
        with pytest.raises(kind, match=reason) as caught:
            read(path)
        assert caught.value.path == path


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        open_image_file(tmp_path / "nothing.tif")
    with pytest.raises(UnreadableFile, match="folder"):
        open_image_file(tmp_path)


@pytest.mark.parametrize("name", ["wrong.czi", "wrong.lif", "wrong", "wrong.png", "wrong.companion.ome"])
def test_the_extension_does_not_decide(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    pixels = np.arange(99, dtype=np.uint16).reshape(9, 11)
    with path.open("wb") as file:
        tifffile.imwrite(file, pixels)
    with open_image_file(path) as image:
        assert image.format == "TIFF"
        np.testing.assert_array_equal(image.series[0].plane(0, 0, 0), pixels)


@pytest.mark.parametrize("name", ["leica_wavelength_sweep.lif", "zeiss_tiles.czi"])
def test_vendor_files_with_a_wrong_extension(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "wrong.tif"
    shutil.copy(shared_data / name, path)
    with open_image_file(path) as image:
        assert image.format in {"Leica LIF", "Zeiss CZI"}


def read_everything(path: Path) -> None:
    with open_image_file(path) as image:
        for series in image.series:
            series.plane(0, 0, 0)
            series.plane(series.size_z - 1, series.size_c - 1, series.size_t - 1)


def lengths(size: int) -> list[int]:
    """Densely where headers are, then spread over the file, and just short of its end."""
    return sorted({*range(1, 200, 13), *range(200, size, max(1, size // 60)), size - 1, size - 2, size // 2} - {0})


@pytest.mark.parametrize("kind", ["tiff", "ome-tiff"])
def test_truncated_samples(samples: dict[str, Sample], tmp_path: Path, kind: str) -> None:
    whole = samples[kind].path.read_bytes()
    path = tmp_path / samples[kind].path.name
    for length in lengths(len(whole)):
        if length >= len(whole) - 8:  # what a TIFF writer adds to end on a word's border is no loss
            continue
        path.write_bytes(whole[:length])
        with pytest.raises(ConverterError):
            read_everything(path)


@pytest.mark.parametrize("name", REAL)
def test_truncated_real_files(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Never anything but ConverterError. The last bytes of a CZI may be padding: losing them is no loss."""
    whole = (shared_data / name).read_bytes()
    path = tmp_path / name
    read_whole = False
    for length in lengths(len(whole)):
        path.write_bytes(whole[:length])
        try:
            read_everything(path)
        except ConverterError:
            assert not read_whole, "a longer part was refused than one that was read"
        else:
            read_whole = True
            assert length > len(whole) * 0.99
