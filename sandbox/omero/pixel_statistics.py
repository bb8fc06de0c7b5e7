"""Extremes and histograms of channels, read plane by plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sandbox.omero.pixels import PixelBuffer, Plane

#: Rows read at once from a plane, so that a huge plane is never in memory as a whole.
_PIXELS_AT_ONCE = 1 << 24


def read_strips(buffer: PixelBuffer, z: int, c: int, t: int) -> Iterator[Plane]:
    """The full-size plane in strips of whole rows, from the top."""
    width, height = buffer.levels[0]
    rows = max(1, _PIXELS_AT_ONCE // width)
    for y in range(0, height, rows):
        yield buffer.read(z, c, t, 0, y, width, min(rows, height - y))


def find_extremes(buffer: PixelBuffer, channel: int) -> tuple[float, float]:
    """The smallest and largest value of a channel over all its planes; NaN is left out.

    A channel of nothing but NaN gives (0, 0). Complex numbers are measured by their real part.
    """
    smallest, largest = np.inf, -np.inf
    for t in range(buffer.shape.size_t):
        for z in range(buffer.shape.size_z):
            for strip in read_strips(buffer, z, channel, t):
                values = strip.real
                if values.dtype.kind == "f":
                    values = values[np.isfinite(values)]
                    if values.size == 0:
                        continue
                smallest = min(smallest, float(values.min()))
                largest = max(largest, float(values.max()))
    return (smallest, largest) if smallest <= largest else (0.0, 0.0)


def count_values(plane: Plane, bins: int, smallest: float, largest: float) -> NDArray[np.int64]:
    """How many pixels fall into each of `bins` equal parts of [smallest, largest]; shape (bins,).

    Values outside the range are counted in the first or last part, so that the sum is the number of pixels.
    """
    if largest <= smallest:
        largest = smallest + 1
    values = np.clip(np.nan_to_num(plane.real.astype(np.float64), nan=smallest), smallest, largest)
    return np.histogram(values, bins=bins, range=(smallest, largest))[0]
