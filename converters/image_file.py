"""An opened image file: its series (images), their metadata and their pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: A plane or a part of one, (y, x), native byte order.
Plane: TypeAlias = NDArray[Any]
Colour: TypeAlias = tuple[int, int, int, int]

#: Sample colours of RGB images, in the order of their channels.
RGB_COLOURS: tuple[Colour, ...] = ((255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255))


@dataclass(frozen=True)
class Channel:
    """One channel. `colour` is red, green, blue, alpha in 0-255; wavelengths are in nanometres."""

    name: str | None = None
    colour: Colour | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None


class PixelSource(Protocol):
    """Where a series' pixels come from. Safe to call from several threads at once."""

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        """A rectangle of a plane at a level, (height, width); the caller has checked the bounds."""


@dataclass(frozen=True)
class Series:
    """One image of a file.

    `physical_size_*` are micrometres a pixel, None when the file does not say. `levels` are (width,
    height) of the resolutions, full size first. `uuid` is the format's own identity of the image
    (Leica's UniqueID, OME-XML's UUID), None when it has none.
    """

    index: int
    name: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    dtype: np.dtype[Any]
    channels: tuple[Channel, ...]
    levels: tuple[tuple[int, int], ...]
    pixels: PixelSource = field(repr=False, compare=False)
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    acquired: datetime | None = None
    uuid: str | None = None

    def __post_init__(self) -> None:
        if len(self.channels) != self.size_c:
            raise ValueError(f"{len(self.channels)} channels described, {self.size_c} in the pixels")
        if not self.levels or self.levels[0] != (self.size_x, self.size_y):
            raise ValueError("the first level is the full size")

    def plane(self, z: int, c: int, t: int, level: int = 0) -> Plane:
        """The whole plane, (y, x), at a resolution level (0 is the full size).

        Raises:
            IndexError: there is no such plane or level.
            UnreadableFile: the file is damaged there, or changed since it was opened.
        """
        width, height = self._check(z, c, t, level)
        return self.pixels.read(z, c, t, level, 0, 0, width, height)

    def region(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, level: int = 0) -> Plane:
        """The rectangle (h, w) whose upper left pixel is (x, y) of the level.

        Raises:
            IndexError: no such plane or level, or the rectangle is empty or leaves the plane.
            UnreadableFile: as for `plane`.
        """
        width, height = self._check(z, c, t, level)
        if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
            raise IndexError(f"region x={x} y={y} {w} x {h} is not inside {width} x {height}")
        return self.pixels.read(z, c, t, level, x, y, w, h)

    def _check(self, z: int, c: int, t: int, level: int) -> tuple[int, int]:
        wanted = (("z", z, self.size_z), ("c", c, self.size_c), ("t", t, self.size_t))
        for axis, index, size in (*wanted, ("level", level, len(self.levels))):
            if not 0 <= index < size:
                raise IndexError(f"{axis}={index} is outside 0..{size - 1} of series {self.name!r}")
        return self.levels[level]


@dataclass(frozen=True)
class PlateWell:
    """A well by zero-based row and column; `fields` are indices of the file's series, in order."""

    row: int
    column: int
    fields: tuple[int, ...]


@dataclass(frozen=True)
class Plate:
    """A multi-well plate. `rows` x `columns` is its extent; rows are named A, B, ..., columns 1, 2, ..."""

    name: str
    rows: int
    columns: int
    wells: tuple[PlateWell, ...]
    row_naming: str = "letter"
    column_naming: str = "number"


@dataclass(frozen=True)
class Fileset:
    """The files that belong together, the one to open first; `holds_plate`: they are a plate's."""

    files: tuple[Path, ...]
    holds_plate: bool = False


class ImageFile:
    """An opened image file; close it, or use it as a context manager.

    `files` names every file that belongs to it (the fileset), the one to open first.
    """

    def __init__(
        self,
        path: Path,
        format: str,
        series: Sequence[Series],
        *,
        files: tuple[Path, ...],
        close: Callable[[], None],
        plate: Plate | None = None,
    ) -> None:
        self.path = path
        self.format = format
        self.series = tuple(series)
        self.files = files
        self.plate = plate
        self._close = close

    def close(self) -> None:
        """Close the file; planes cannot be read afterwards. Closing twice is fine."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
