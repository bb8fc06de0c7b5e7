"""OME-Zarrs as streams: other people's libraries read the pixels back, and every size is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaozarrs
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters import ome_zarr_stream
from converters.errors import UnwritableOutput
from converters.image_file import Channel
from converters.ome_zarr_stream import OmeZarrStream
from tests.unit.converters.test_ome_tiff_writer import noise, series_of

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(1, 70), st.integers(1, 70))


def stream_of(series: Any) -> OmeZarrStream:
    return OmeZarrStream(series, "an image", namespace="test/space", annotation={"key": "value"})


def write(stream: OmeZarrStream, folder: Path) -> Path:
    """All files of the stream, below the folder; each has the size that was said before it was read."""
    total = 0
    for file in stream.files():
        content = file.read()
        assert len(content) == file.size
        total += file.size
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert total == stream.size
    return folder


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SIZES, dtype=st.sampled_from(DTYPES), largest=st.sampled_from((64, 4096, 1 << 22)))
def test_zarr_reads_the_pixels_back(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, ...],
    dtype: str,
    largest: int,
) -> None:
    """Small chunks have borders inside the image, in all of z, y and x."""
    monkeypatch.setattr(ome_zarr_stream, "LARGEST_CHUNK", largest)
    monkeypatch.setattr(ome_zarr_stream, "_EDGE", 32)
    data = noise(*shape, dtype=dtype)
    folder = write(stream_of(series_of(data)), tmp_path_factory.mktemp("zarr"))
    found = zarr.open_group(folder, mode="r")["0"]
    assert isinstance(found, zarr.Array)
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found[:], data)


def test_it_is_valid_ngff_and_keeps_what_is_known(tmp_path: Path) -> None:
    series = replace(
        series_of(noise(2, 2, 3, 40, 50)),
        channels=(Channel("DAPI", (0, 0, 255, 255)), Channel()),
        physical_size_x=0.25,
        physical_size_y=0.5,
        physical_size_z=None,
    )
    folder = write(stream_of(series), tmp_path / "a.ome.zarr")
    yaozarrs.validate_zarr_store(folder)
    attributes = dict(zarr.open_group(folder, mode="r").attrs)
    (multiscale,) = attributes["multiscales"]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [None, None, None, "micrometer", "micrometer"]
    (level,) = multiscale["datasets"]
    assert level["coordinateTransformations"] == [{"type": "scale", "scale": [1.0, 1.0, 1.0, 0.5, 0.25]}]
    channels = attributes["omero"]["channels"]
    assert [(one["label"], one["color"]) for one in channels] == [("DAPI", "0000FF"), ("Channel 1", "FFFFFF")]
    assert attributes["test/space"] == {"key": "value"}


def test_chunks_of_a_large_image_are_bounded() -> None:
    series = series_of(np.broadcast_to(np.uint16(7), (1, 1, 9, 3000, 2500)))
    sizes = [file.size for file in stream_of(series).files()]
    assert max(sizes) == ome_zarr_stream.LARGEST_CHUNK
    assert len(sizes) == 3 + 5 * 3 * 3  # two sections in a chunk


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(UnwritableOutput, match="no pixel type for complex64"):
        stream_of(series_of(noise(1, 1, 1, 4, 4, dtype="complex64")))
