"""Single-file samples: an ImageJ hyperstack and a pyramidal OME-TIFF."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from tifffile import TiffWriter

from converters.image_file import Channel, Plane, Series
from converters.ome_tiff import Document, write_ome_tiff
from sandbox.samples.cells import Culture, Exposure

DAPI = Channel("DAPI", (0, 102, 255, 255), emission_nm=461.0, excitation_nm=358.0)
GFP = Channel("GFP", (0, 255, 0, 255), emission_nm=509.0, excitation_nm=488.0)
#: Micrometres a pixel of a 40x objective on a camera of 6.5 micrometres; and between planes.
PIXEL_SIZE, PLANE_DISTANCE = 0.1625, 0.8


class _ExposedPixels:
    """Pixels of a culture, exposed when they are asked for."""

    def __init__(self, culture: Culture) -> None:
        self._culture = culture
        self._planes: dict[tuple[int, int, int], Exposure] = {}

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        if (z, c, t) not in self._planes:
            self._planes = {(z, c, t): self._culture.expose(c, z, t)}
        return self._planes[z, c, t][y : y + height, x : x + width]


def write_hyperstack(path: Path) -> None:
    """A focus series of two channels as ImageJ saves it: a multi-page TIFF, sizes in micrometres."""
    size, depth = 320, 5
    culture = Culture(11, size, count=24, depth=depth)
    planes = np.stack([[culture.expose(c, z) for c in range(2)] for z in range(depth)])
    with TiffWriter(path, imagej=True) as tiff:
        tiff.write(
            planes,
            resolution=(1 / PIXEL_SIZE, 1 / PIXEL_SIZE),
            metadata={"axes": "ZCYX", "unit": "um", "spacing": PLANE_DISTANCE},
        )


def write_pyramid(path: Path) -> None:
    """A focus series of two channels as OME-TIFF, with names, colours, wavelengths, sizes and a pyramid."""
    size, depth = 640, 3
    series = Series(
        0,
        "HeLa, 40x",
        size,
        size,
        depth,
        2,
        1,
        np.dtype(np.uint16),
        (DAPI, GFP),
        ((size, size),),
        _ExposedPixels(Culture(7, size, count=80, depth=depth)),
        PIXEL_SIZE,
        PIXEL_SIZE,
        PLANE_DISTANCE,
        datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    )
    document = Document(
        "HeLa, 40x",
        "urn:uuid:6a1e4a52-6ad5-5cb8-9a4c-6f2f6c8a8f01",
        "omero-flows/sample",
        lambda _: {"Sample": "HeLa cells, generated", "Fixation": "4 % PFA"},
    )
    write_ome_tiff(series, path, document)
