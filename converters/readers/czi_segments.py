"""The segments of a CZI file, as far as truncation and impossible sizes are told by them.

Format (ZEISS' CZI file format specification): every segment has a header of 32 bytes, 16 of identity,
then the allocated and the used size (64 bits each). The file segment's payload holds at byte 48 the
file part (32 bits), at 52 and 60 the positions of the sub-block directory and of the metadata. The
directory's payload has the number of entries, 124 spare bytes, and the entries: `DV`, pixel type
(32 bits), position of the tile's segment (64), file part, compression (32 each), pyramid type and 5
spare bytes, number of dimensions (32), 20 bytes a dimension: its letter (4 bytes), first index, number of
indices (32 each), a coordinate (32), the number of indices stored (32).

Checked here and not left to libCZI: it takes every number for true, and asks for the memory or makes the
rounds that a damaged one says.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from converters.errors import UnknownFormat, UnreadableFile
from converters.readers.tiff_pages import reading

#: The identity of a CZI's first segment.
MAGIC = b"ZISRAWFILE"
_HEADER = struct.Struct("<16sqq")
_FILE = struct.Struct("<48xiqq")
_ENTRY = struct.Struct("<2siqiiB5xi")
_DIMENSION = struct.Struct("<4sii4xi")
#: More dimensions than the format has letters for.
_MOST_DIMENSIONS = 40
#: A scene is refused when its extent is this many times the area of its tiles: a few fields far apart on a
#: slide are some hundred times, a damaged coordinate is millions.
_SPARSEST = 10_000
#: A scene saved as a file of its own may keep its number.
_LAST_SCENE = 65_536
#: Pixels that a byte of a compressed tile can stand for: those of zstd at its best.
_MOST_COMPRESSED = 32_768


@dataclass(frozen=True)
class _Tile:
    """An entry of the directory: where the tile's segment is, and which place of the image it fills."""

    position: int
    axes: dict[str, tuple[int, int]]  # first index and number of indices, by the dimension's letter
    stored: int  # pixels; a tile of a pyramid stores fewer than it fills
    compressed: bool

    @property
    def scene(self) -> int:
        return self.axes.get("S", (0, 1))[0]


def check_extent(path: Path) -> None:
    """Check that the directory, the metadata and the last tile lie inside the file, and what the tiles add up to.

    Raises:
        UnreadableFile: the file is truncated or damaged, or its saving was interrupted.
        UnknownFormat: a CZI in several files.
    """
    size = path.stat().st_size
    with reading(path), path.open("rb") as file:
        identity, payload = _segment(path, file, 0, size, "header")
        part, directory, metadata = _FILE.unpack(payload[: _FILE.size])
        if part != 0:
            raise UnknownFormat(path, f"this is part {part} of a CZI in several files; those are not read here")
        for what, position in (("list of tiles", directory), ("metadata", metadata)):
            if position <= 0:
                raise UnreadableFile(path, f"the CZI has no {what}; was the acquisition or its saving interrupted?")
        identity, entries = _segment(path, file, directory, size, "list of tiles")
        if not identity.startswith(b"ZISRAWDIRECTORY"):
            raise UnreadableFile(path, "the file is damaged: where its list of tiles should be is something else")
        tiles = list(_tiles(entries))
        if not tiles:
            raise UnreadableFile(path, "the CZI has no tiles; was the acquisition interrupted?")
        _check_axes(path, tiles)
        _check_scenes(path, tiles, size)
        _measure(path, file, max(tile.position for tile in tiles), size, "last tile")
        _measure(path, file, metadata, size, "metadata")


def _measure(path: Path, file: BinaryIO, position: int, size: int, what: str) -> tuple[bytes, int]:
    """A segment's identity and used size, having checked that it ends inside the file."""
    file.seek(position)
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise UnreadableFile(path, f"the file is truncated: its {what} should be at byte {position} of {size}")
    identity, allocated, used = _HEADER.unpack(head)
    length = used or allocated
    if length < 0 or position + _HEADER.size + length > size:
        end = position + _HEADER.size + length
        raise UnreadableFile(path, f"the file is truncated: its {what} should reach byte {end} of {size}")
    return identity, length


def _segment(path: Path, file: BinaryIO, position: int, size: int, what: str) -> tuple[bytes, bytes]:
    identity, length = _measure(path, file, position, size, what)
    file.seek(position + _HEADER.size)
    return identity, file.read(length)


def _tiles(directory: bytes) -> Iterator[_Tile]:
    (count,) = struct.unpack_from("<i", directory)
    at = 128
    for _ in range(count):
        schema, _pixels, position, _part, compression, _pyramid, dimensions = _ENTRY.unpack_from(directory, at)
        if schema != b"DV":
            raise ValueError(f"an entry of its list of tiles is of the kind {schema!r}")
        if position <= 0 or not 0 < dimensions <= _MOST_DIMENSIONS:
            raise ValueError(f"a tile of {dimensions} dimensions at byte {position}")
        at += _ENTRY.size
        axes, pixels = {}, 1
        for name, first, length, stored in _DIMENSION.iter_unpack(directory[at : at + _DIMENSION.size * dimensions]):
            if length < 1 or stored < 0:
                raise ValueError(f"a tile has {length} indices of dimension {name!r}")
            axis = name.rstrip(b"\0").decode("ascii")
            axes[axis] = (first, length)
            pixels *= (stored or length) if axis in ("X", "Y") else 1
        at += _DIMENSION.size * dimensions
        yield _Tile(position, axes, pixels, compressed=compression != 0)


def _check_axes(path: Path, tiles: list[_Tile]) -> None:
    """Each channel, plane, time point, scene, ... has a tile, so that there are no more of them than tiles."""
    for axis in {axis for tile in tiles for axis in tile.axes} - {"X", "Y"}:
        first = min(tile.axes[axis][0] for tile in tiles if axis in tile.axes)
        end = max((sum(tile.axes[axis]) for tile in tiles if axis in tile.axes), default=0)
        filled = sum(tile.axes[axis][1] for tile in tiles if axis in tile.axes)
        if first < 0 or end > (max(filled, _LAST_SCENE) if axis == "S" else filled):
            raise UnreadableFile(
                path, f"the file is damaged: axis {axis} has the indices {first} to {end - 1}, its tiles fill {filled}"
            )


def _check_scenes(path: Path, tiles: list[_Tile], size: int) -> None:
    """The tiles are within reason of the file's size in bytes, and the extent of each scene of its tiles."""
    scenes: dict[int, list[_Tile]] = defaultdict(list)
    for tile in tiles:
        if tile.stored > size * (_MOST_COMPRESSED if tile.compressed else 1):
            raise UnreadableFile(path, f"the file is damaged: a tile of {tile.stored} pixels in {size} bytes")
        scenes[tile.scene].append(tile)
    for members in scenes.values():
        filled = sum(tile.stored for tile in members)
        width, height = (
            max(sum(tile.axes[axis]) for tile in members) - min(tile.axes[axis][0] for tile in members) for axis in "XY"
        )
        if width * height > _SPARSEST * filled:
            raise UnreadableFile(path, f"the file is damaged: tiles of {filled} pixels span {width} x {height}")
