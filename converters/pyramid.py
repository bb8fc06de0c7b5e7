"""Halving planes, band by band, so that a plane larger than memory gets its pyramid."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A level at most this wide and high is the last: it is read at once for a thumbnail.
SMALLEST_LEVEL = 512
#: Scratch levels up to this many bytes stay in memory, larger ones go to an unnamed file.
_IN_MEMORY = 32 << 20


def level_sizes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """(width, height) of the levels, full size first, each half the one before, rounded down."""
    sizes = [(width, height)]
    while max(sizes[-1]) > SMALLEST_LEVEL and min(sizes[-1]) >= 2:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return tuple(sizes)


def halve(pixels: NDArray[Any]) -> NDArray[Any]:
    """The mean of each 2 x 2 block, (y, x) -> (y // 2, x // 2); integers are rounded half up.

    An odd last row or column is left out, as its pixels have no neighbour to be averaged with.
    """
    height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    blocks = (
        pixels[0:height:2, 0:width:2],
        pixels[0:height:2, 1:width:2],
        pixels[1:height:2, 0:width:2],
        pixels[1:height:2, 1:width:2],
    )
    if pixels.dtype.kind in "iu":
        wide = np.int64 if pixels.dtype.itemsize > 2 else np.int32
        total: NDArray[Any] = np.full(blocks[0].shape, 2, wide)
        for block in blocks:
            np.add(total, block, out=total)
        np.right_shift(total, 2, out=total)
        return total.astype(pixels.dtype)
    mean: NDArray[Any] = np.zeros(blocks[0].shape, pixels.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks:
            np.add(mean, block * pixels.dtype.type(0.25), out=mean)
    return mean


def scratch(size: tuple[int, int], dtype: np.dtype[Any], folder: Path) -> NDArray[Any]:
    """An array (height, width) to fill. A large one lies in an unnamed file in `folder`.

    The file's space is reserved first, because a full disk under a memory map would be a SIGBUS.

    Raises:
        OSError: ENOSPC, when the space is not there.
    """
    width, height = size
    length = width * height * dtype.itemsize
    if length <= _IN_MEMORY:
        return np.empty((height, width), dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, length)
        return np.memmap(file, dtype, "r+", shape=(height, width))
