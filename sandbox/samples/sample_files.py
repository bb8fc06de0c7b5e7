"""The set of sample images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.samples.plate import write_plate
from sandbox.samples.stack import write_hyperstack, write_pyramid
from sandbox.samples.time_lapse import write_time_lapse


@dataclass(frozen=True)
class Sample:
    """`path` is the file to import; `kind` its format: tiff, ome-tiff, ome-tiff-companion or imagexpress."""

    path: Path
    kind: str
    description: str


def write_samples(folder: Path) -> tuple[Sample, ...]:
    """Write the sample images into `folder` (made when it is not there); some 5 MB, the same every time.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stack = folder / "focus_series.tif"
    write_hyperstack(stack)
    pyramid = folder / "hela_40x.ome.tif"
    write_pyramid(pyramid)
    lapse = folder / "migration"
    lapse.mkdir(exist_ok=True)
    plate = folder / "dose_response"
    return (
        Sample(stack, "tiff", "multi-page TIFF (ImageJ), 2 channels, 5 focus planes"),
        Sample(pyramid, "ome-tiff", "OME-TIFF with a pyramid, 2 named and coloured channels, 3 focus planes"),
        Sample(
            write_time_lapse(lapse, "migration"),
            "ome-tiff-companion",
            "OME-TIFF in 4 files with a companion, 2 channels, 4 time points",
        ),
        Sample(
            write_plate(plate, "dose_response"),
            "imagexpress",
            "ImageXpress plate, 2 x 3 wells, 2 fields, 2 wavelengths",
        ),
    )
