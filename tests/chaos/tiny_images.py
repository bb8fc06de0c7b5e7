"""Small image files with one or more series, different in every byte that counts."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import tifffile

_seeds = itertools.count(1)


def write_image(path: Path, *, series: int = 1, size: int = 48) -> Path:
    """An OME-TIFF with `series` images of `size` x `size` pixels in two channels."""
    noise = np.random.default_rng(next(_seeds))
    with tifffile.TiffWriter(path, ome=True) as writer:
        for number in range(series):
            pixels = noise.integers(100, 4000, (2, size, size), dtype=np.uint16)
            writer.write(pixels, photometric="minisblack", metadata={"axes": "CYX", "Name": f"{path.stem} {number}"})
    return path


def write_images(folder: Path, count: int, *, series: int = 1) -> list[Path]:
    """`count` files; their names have a space, so that nobody forgets to quote."""
    return [write_image(folder / f"field {number}.ome.tif", series=series) for number in range(1, count + 1)]
