"""A label image and a table for each image, whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops
from tifffile import imwrite

from sandbox.workflows.nuclei.image_file import PixelSize

COLUMNS = ("label", "time", "centroid_x", "centroid_y", "area", "mean_intensity", "max_intensity", "eccentricity")


def measure(labels: NDArray[Any], intensities: NDArray[Any], time: int) -> Iterator[tuple[float, ...]]:
    """A row of `COLUMNS` for each nucleus of a plane: pixels, the image's own intensities; `time` counts from 0."""
    for nucleus in regionprops(labels, intensity_image=intensities):
        y, x = nucleus.centroid
        yield (
            nucleus.label,
            time,
            round(x, 2),
            round(y, 2),
            int(nucleus.area),
            round(float(nucleus.intensity_mean), 3),
            float(nucleus.intensity_max),
            round(nucleus.eccentricity, 4),
        )


def write_labels(path: Path, labels: NDArray[np.uint32], pixel_size: PixelSize | None) -> None:
    """(time, y, x) of labels as OME-TIFF, in 16 bits where all labels fit."""
    metadata: dict[str, Any] = {"axes": "TYX", "Name": path.stem, "Channel": {"Name": ["Nuclei"]}}
    if pixel_size is not None:
        metadata |= {
            "PhysicalSizeX": pixel_size.x,
            "PhysicalSizeY": pixel_size.y,
            "PhysicalSizeXUnit": pixel_size.x_unit,
            "PhysicalSizeYUnit": pixel_size.y_unit,
        }
    narrow = labels.max(initial=0) <= np.iinfo(np.uint16).max
    with _whole(path) as partial:
        imwrite(
            partial,
            labels.astype(np.uint16 if narrow else np.uint32),
            ome=True,
            photometric="minisblack",
            compression="zlib",
            metadata=metadata,
        )


def write_table(path: Path, rows: list[tuple[float, ...]]) -> None:
    with _whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` when all is written; a job that is killed leaves no half result."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
