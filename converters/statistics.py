"""What a channel's values are like: their range and a window to show them in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The window leaves out this part of the pixels at either end.
_TAIL = 0.001
_HISTOGRAM = 65536


class ChannelStatistics:
    """Gathers the pixels of one channel, piece by piece.

    Integers of up to 16 bits have an exact histogram, from which the window is taken; of other types
    the window is the range. Values that are not finite are left out; complex values count by magnitude.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._offset = int(np.iinfo(dtype).min) if dtype.kind in "iu" and dtype.itemsize <= 2 else 0
        self._counts = np.zeros(_HISTOGRAM, np.int64) if dtype.kind in "iu" and dtype.itemsize <= 2 else None
        self._least: float | None = None
        self._most: float | None = None

    def add(self, pixels: NDArray[Any]) -> None:
        if self._counts is not None:
            values = pixels.ravel() if self._offset == 0 else pixels.ravel().astype(np.int32) - self._offset
            self._counts += np.bincount(values, minlength=_HISTOGRAM)
            return
        if pixels.dtype.kind == "c":
            pixels = np.abs(pixels)
        if pixels.dtype.kind == "f":
            pixels = pixels[np.isfinite(pixels)]
        if pixels.size:
            least, most = float(pixels.min()), float(pixels.max())
            self._least = least if self._least is None else min(self._least, least)
            self._most = most if self._most is None else max(self._most, most)

    @property
    def range(self) -> tuple[float, float] | None:
        """(minimum, maximum); None when there was no finite value."""
        if self._counts is not None:
            present = np.flatnonzero(self._counts)
            return (float(present[0] + self._offset), float(present[-1] + self._offset)) if present.size else None
        return None if self._least is None or self._most is None else (self._least, self._most)

    @property
    def window(self) -> tuple[float, float] | None:
        """The range without the darkest and brightest thousandth of the pixels."""
        if self._counts is None or not self._counts.any():
            return self.range
        cumulated = np.cumsum(self._counts)
        low, high = np.searchsorted(cumulated, [cumulated[-1] * _TAIL, cumulated[-1] * (1 - _TAIL)])
        return float(low + self._offset), float(high + self._offset)
