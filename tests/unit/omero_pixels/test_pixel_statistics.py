"""Extremes and histograms beside numpy's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.omero import pixel_statistics
from sandbox.omero.pixel_statistics import count_values, find_extremes
from sandbox.omero.pixels import PixelsNotFound, PixelsShape, RawPixelsFile, pixel_type_name, wire_bytes


def write(path: Path, pixels: np.ndarray[Any, Any]) -> RawPixelsFile:
    """A raw file of pixels in the order t, c, z, y, x."""
    t, c, z, y, x = pixels.shape
    buffer = RawPixelsFile(path, PixelsShape(x, y, z, c, t, pixels.dtype))
    for place in np.ndindex(t, c, z):
        buffer.write(place[2], place[1], place[0], 0, 0, pixels[place])
    return buffer


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
def test_extremes_are_those_of_all_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(pixel_statistics, "_PIXELS_AT_ONCE", 20)  # strips of a few rows
    pixels = np.random.default_rng(2).uniform(-100 if dtype[0] in "if" else 0, 100, (2, 3, 2, 11, 9)).astype(dtype)
    buffer = write(tmp_path / "pixels", pixels)
    for channel in range(3):
        expected = float(pixels[:, channel].min()), float(pixels[:, channel].max())
        assert find_extremes(buffer, channel) == expected


def test_what_is_no_number_does_not_count(tmp_path: Path) -> None:
    pixels = np.full((1, 2, 1, 2, 2), np.nan, np.float32)
    pixels[0, 0, 0, 0] = [np.inf, 3.0]
    buffer = write(tmp_path / "pixels", pixels)
    assert find_extremes(buffer, 0) == (3.0, 3.0)
    assert find_extremes(buffer, 1) == (0.0, 0.0)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=50), st.integers(1, 40))
def test_every_pixel_is_counted_once(values: list[int], bins: int) -> None:
    plane = np.array([values], np.uint8)
    assert count_values(plane, bins, 50, 100).sum() == len(values)
    expected, _ = np.histogram(plane, bins=bins, range=(0, 255))
    assert count_values(plane, bins, 0, 255).tolist() == expected.tolist()


def test_bytes_on_the_wire_are_big_endian() -> None:
    assert wire_bytes(np.array([[1, 258]], np.uint16)) == b"\x00\x01\x01\x02"
    assert wire_bytes(np.array([[1, 2], [3, 4]], np.uint8)[:, 1:]) == b"\x02\x04"


def test_pixel_types() -> None:
    assert pixel_type_name(np.dtype(">u2")) == "uint16"
    assert pixel_type_name(np.dtype(np.float32)) == "float"
    assert pixel_type_name(np.dtype(bool)) == "uint8"
    with pytest.raises(PixelsNotFound, match="int64"):
        pixel_type_name(np.dtype(np.int64))
