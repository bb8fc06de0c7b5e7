"""Where the pixels of a Pixels object are: in the imported file, read by the converters, or in a raw file.

Images that were imported have a fileset; their planes are what `converters.reader.open_image_file` gives.
Images that a client made (`createImage`, then `setPlane`) have a raw file below the server's Pixels folder:
big-endian, in the order XYZCT, as OMERO's ROMIO repository keeps them.

Planes leave this module in the machine's byte order; `wire_bytes` gives OMERO's big-endian bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from converters.errors import ConverterError
from converters.image_file import Series
from sandbox.omero.kept_thumbnails import KeptThumbnails
from sandbox.omero.open_files import OpenFiles
from sandbox.omero.records import Record
from sandbox.omero.store import Store

#: Rows of pixels, shape (height, width), native byte order.
Plane = NDArray[Any]

#: OMERO's pixel types that hold whole bytes, and numpy's names for them.
PIXEL_TYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "int8": np.dtype(np.int8),
        "uint8": np.dtype(np.uint8),
        "int16": np.dtype(np.int16),
        "uint16": np.dtype(np.uint16),
        "int32": np.dtype(np.int32),
        "uint32": np.dtype(np.uint32),
        "float": np.dtype(np.float32),
        "double": np.dtype(np.float64),
        "complex": np.dtype(np.complex64),
        "double-complex": np.dtype(np.complex128),
    }
)

#: Planes with more pixels than this are served in tiles from a pyramid (omero.pixeldata.max_plane_width/height).
LARGEST_PLANE = 3192 * 3192
#: Edge length of the tiles that clients are advised to ask for.
TILE_SIZE = 256


class PixelsNotFound(Exception):
    """There are no pixels to be read: the file is gone, unreadable, or was never written."""


class ReadOnlyPixels(Exception):
    """The pixels of an imported file cannot be written."""


def pixel_type_name(dtype: np.dtype[Any]) -> str:
    """OMERO's name of a numpy type (of any byte order); raises PixelsNotFound where OMERO has none."""
    if dtype == np.dtype(bool):
        return "uint8"
    for name, known in PIXEL_TYPES.items():
        if dtype.newbyteorder("=") == known:
            return name
    raise PixelsNotFound(f"OMERO has no pixel type for {dtype}")


@dataclass(frozen=True)
class PixelsShape:
    """Sizes and type of a Pixels object."""

    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    dtype: np.dtype[Any]

    def check(self, z: int, c: int, t: int) -> None:
        """Raises IndexError when there is no such plane."""
        for axis, index, size in (("z", z, self.size_z), ("c", c, self.size_c), ("t", t, self.size_t)):
            if not 0 <= index < size:
                raise IndexError(f"{axis}={index} is outside 0..{size - 1}")


def read_shape(pixels: Record) -> PixelsShape:
    """The shape of a Pixels record; the caller holds the store's lock."""
    values = pixels.values
    type_name = values["pixelsType"].values["value"]
    if type_name not in PIXEL_TYPES:
        raise PixelsNotFound(f"pixels of type {type_name} are not served here")
    size_x, size_y, size_z, size_c, size_t = (int(values[f"size{axis}"]) for axis in "XYZCT")
    return PixelsShape(size_x, size_y, size_z, size_c, size_t, PIXEL_TYPES[type_name])


def wire_bytes(plane: NDArray[Any]) -> bytes:
    """The array's values as OMERO sends them: big-endian, last axis fastest."""
    return np.ascontiguousarray(plane, plane.dtype.newbyteorder(">")).tobytes()


class PixelBuffer(Protocol):
    """The pixels of one image while they are in use."""

    @property
    def shape(self) -> PixelsShape: ...

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each resolution, full size first."""

    def read(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int, level: int = 0) -> Plane:
        """A rectangle, shape (height, width). Raises IndexError where it leaves the plane."""

    def write(self, z: int, c: int, t: int, x: int, y: int, rectangle: Plane) -> None:
        """Replace a rectangle of the full size. Raises ReadOnlyPixels for imported files."""


def read_plane(buffer: PixelBuffer, z: int, c: int, t: int, level: int = 0) -> Plane:
    """The whole plane at a resolution level, shape (height, width)."""
    width, height = buffer.levels[level]
    return buffer.read(z, c, t, 0, 0, width, height, level)


def _halved_levels(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Resolutions of a plane too large to be served whole, down to about two tiles."""
    levels = [(width, height)]
    if width * height > LARGEST_PLANE:
        while max(levels[-1]) > 2 * TILE_SIZE:
            levels.append(((levels[-1][0] + 1) // 2, (levels[-1][1] + 1) // 2))
    return tuple(levels)


class ImportedPixels:
    """A series of an imported file. Large planes without a pyramid get levels made by leaving pixels out."""

    def __init__(self, series: Series, shape: PixelsShape) -> None:
        self._series = series
        self.shape = shape
        self._has_pyramid = len(series.levels) > 1
        self.levels = series.levels if self._has_pyramid else _halved_levels(shape.size_x, shape.size_y)

    def read(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int, level: int = 0) -> Plane:
        if level == 0 or self._has_pyramid:
            plane = self._series.region(z, c, t, x, y, width, height, level)
            return plane.astype(self.shape.dtype, copy=False)
        _check_rectangle(x, y, width, height, *self.levels[level])
        step = 1 << level
        full_width = min(width * step, self.shape.size_x - x * step)
        full_height = min(height * step, self.shape.size_y - y * step)
        plane = self._series.region(z, c, t, x * step, y * step, full_width, full_height)
        return plane[::step, ::step].astype(self.shape.dtype, copy=False)

    def write(self, z: int, c: int, t: int, x: int, y: int, rectangle: Plane) -> None:
        raise ReadOnlyPixels("the pixels of an imported file cannot be changed")


class RawPixelsFile:
    """Pixels that clients write plane by plane; what was not written yet is zero."""

    def __init__(self, path: Path, shape: PixelsShape) -> None:
        self._path = path
        self.shape = shape
        self.levels = _halved_levels(shape.size_x, shape.size_y)

    def read(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int, level: int = 0) -> Plane:
        self.shape.check(z, c, t)
        _check_rectangle(x, y, width, height, *self.levels[level])
        if not self._path.exists():
            raise PixelsNotFound("the pixels of this image were never written")
        step = 1 << level
        part = self._open("r")[t, c, z, y * step : (y + height) * step : step, x * step : (x + width) * step : step]
        return np.asarray(part, self.shape.dtype)

    def write(self, z: int, c: int, t: int, x: int, y: int, rectangle: Plane) -> None:
        self.shape.check(z, c, t)
        height, width = rectangle.shape
        _check_rectangle(x, y, width, height, self.shape.size_x, self.shape.size_y)
        mode = "r+" if self._path.exists() else "w+"
        pixels = self._open(mode)
        pixels[t, c, z, y : y + height, x : x + width] = rectangle
        pixels.flush()

    def _open(self, mode: Any) -> np.memmap[Any, Any]:
        shape = self.shape
        self._path.parent.mkdir(parents=True, exist_ok=True)
        sizes = (shape.size_t, shape.size_c, shape.size_z, shape.size_y, shape.size_x)
        return np.memmap(self._path, shape.dtype.newbyteorder(">"), mode, shape=sizes)


def _check_rectangle(x: int, y: int, width: int, height: int, plane_width: int, plane_height: int) -> None:
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > plane_width or y + height > plane_height:
        raise IndexError(f"x={x} y={y} {width} x {height} is not inside {plane_width} x {plane_height}")


class PixelSource:
    """The pixels of every image of one server."""

    def __init__(self, store: Store, repository_root: Path, pixels_root: Path) -> None:
        self._store = store
        self._repository_root = repository_root
        self._pixels_root = pixels_root
        self.files = OpenFiles()
        self.thumbnails = KeptThumbnails()

    def raw_path(self, pixels_id: int) -> Path:
        """Where the pixels that clients write are kept."""
        return self._pixels_root / str(pixels_id)

    @contextmanager
    def open(self, pixels: Record) -> Iterator[PixelBuffer]:
        """The pixels, readable while the context lasts. The store's lock is not held meanwhile.

        Raises PixelsNotFound when the imported file is missing or cannot be read any more.
        """
        with self._store.lock:
            shape = read_shape(pixels)
            image = pixels.values["image"]
            fileset, series = image.values.get("fileset"), int(image.values.get("series") or 0)
            entries = self._store.collection(fileset, "usedFiles") if fileset is not None else []
            path = self._first_file(entries)
        if path is None:
            yield RawPixelsFile(self.raw_path(pixels.id), shape)
            return
        try:
            with self.files.lease(path) as file:
                if series >= len(file.series):
                    raise PixelsNotFound(f"{path.name} has no series {series} any more")
                yield ImportedPixels(file.series[series], shape)
        except ConverterError as error:
            raise PixelsNotFound(f"the imported file cannot be read: {error}") from error

    def _first_file(self, entries: list[Record]) -> Path | None:
        for entry in entries:
            values = entry.values["originalFile"].values
            return self._repository_root / str(values["path"]).lstrip("/") / str(values["name"])
        return None

    def close(self) -> None:
        self.files.close()
