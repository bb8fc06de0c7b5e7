"""Images in TIFF files of any kind: what there is of time points and channels, whatever their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile


class NotReadable(Exception):
    """The image cannot be analysed; the message says why."""


@dataclass(frozen=True)
class PixelSize:
    """As OME-XML has it: lengths along x and y with their units."""

    x: float
    y: float
    x_unit: str
    y_unit: str


@dataclass(frozen=True)
class Image:
    """`pixels` is (time, channel, z, y, x)."""

    pixels: NDArray[Any]
    pixel_size: PixelSize | None

    def project(self, time: int, channel: int) -> NDArray[Any]:
        """The brightest of the focus planes at each place, (y, x). `channel` counts from 1.

        Raises:
            NotReadable: there is no such channel.
        """
        channels = self.pixels.shape[1]
        if channel > channels:
            raise NotReadable(f"there is no channel {channel}: the image has {channels}")
        return np.asarray(self.pixels[time, channel - 1].max(axis=0))


def read_images(path: Path) -> Iterator[Image]:
    """Every image in the file at its full resolution, one after the other, each whole in memory.

    Raises:
        NotReadable: it is no TIFF, is damaged, or holds no plane of numbers.
    """
    try:
        with TiffFile(path) as file:
            sizes = _pixel_sizes(file.ome_metadata)
            for number, series in enumerate(file.series):
                pixels = arrange(series.asarray(), series.axes)
                yield Image(pixels, sizes[number] if number < len(sizes) else None)
    except NotReadable:
        raise
    except Exception as error:  # tifffile and its codecs raise anything for a damaged file
        raise NotReadable(f"{type(error).__name__}: {error}") from error


def arrange(pixels: NDArray[Any], axes: str) -> NDArray[Any]:
    """(time, channel, z, y, x) of an array whose axes tifffile names.

    Samples of a colour image (S) count as channels. Axes that are none of these, such as pages that
    nothing is said about, count as time points: each of their planes is analysed by itself.

    Raises:
        NotReadable: an axis is missing, or the pixels are no real numbers.
    """
    if "Y" not in axes or "X" not in axes:
        raise NotReadable(f"there is no plane in it: its axes are {axes}")
    if pixels.dtype.kind not in "uifb":
        raise NotReadable(f"its pixels are {pixels.dtype}")
    order = [
        [place for place, axis in enumerate(axes) if axis not in "CSZYX"],
        [place for place, axis in enumerate(axes) if axis in "CS"],
        *([place for place, axis in enumerate(axes) if axis == wanted] for wanted in "ZYX"),
    ]
    if max(len(places) for places in order[2:]) > 1:
        raise NotReadable(f"an axis comes twice: {axes}")
    sorted_axes = np.transpose(pixels, [place for places in order for place in places])
    sizes = [int(np.prod([pixels.shape[place] for place in places], dtype=int)) for places in order]
    return sorted_axes.reshape(sizes)


def _pixel_sizes(xml: str | None) -> list[PixelSize | None]:
    """Of each image of the OME-XML, in its sequence; micrometres where no unit is written (OME 2016-06)."""
    if xml is None:
        return []
    sizes: list[PixelSize | None] = []
    for pixels in ElementTree.fromstring(xml).iterfind("{*}Image/{*}Pixels"):
        x, y = pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeY")
        units = [pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in "XY"]
        sizes.append(PixelSize(float(x), float(y), *units) if x and y else None)
    return sizes
