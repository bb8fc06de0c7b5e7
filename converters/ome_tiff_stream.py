"""A series as an OME-TIFF that is sent while it is read: its layout is known before its first byte.

Uncompressed, one resolution, little-endian, planes in the order XYZCT one after the other. All directories and the
OME-XML lie in front, so that the file's size is known at once and reading can begin at any byte: only the planes
from there on are read. Planes are contiguous rows; those with rows too long for bands of 256 are in tiles.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.errors import UnwritableOutput
from converters.image_file import Series
from converters.ome_xml import PIXEL_TYPES, build_ome_xml
from converters.tiff_directory import Directories, Tag, numbers, resolution, text

#: Bytes of the largest piece that `read` gives.
CHUNK = 1 << 20
#: Bytes that are asked of the series at once, at most; and so what is held in memory, some copies aside.
BLOCK = 8 << 20
#: Rows of the smallest band, and pixels of a tile's edge: multiples of the tiles that pyramids are kept in.
_FEWEST_ROWS, _TILE, _SMALLEST_TILE = 256, 1024, 16
#: Bytes of the largest classic TIFF; above it offsets have 64 bits. Readers that take offsets as signed exist.
_CLASSIC_LIMIT = (1 << 31) - 1
#: Directories that are made at once.
_AT_ONCE = 1024
_ALIGNMENT = 16
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}


@dataclass(frozen=True)
class Document:
    """What the OME-XML says beside the series' own metadata."""

    name: str
    uuid: str
    namespace: str
    annotation: Mapping[str, str]


@dataclass(frozen=True)
class _Block:
    """A rectangle of a plane that is read at once, and where its bytes lie in the plane's."""

    start: int
    x: int
    y: int
    width: int
    height: int


class OmeTiffStream:
    """The bytes of the file. `size` is their number; the same series and document give the same bytes.

    Raises:
        UnwritableOutput: the pixel type has no place in the OME model.
    """

    def __init__(self, series: Series, document: Document) -> None:
        if np.dtype(series.dtype).name not in PIXEL_TYPES:
            raise UnwritableOutput(Path(document.name), f"OME-TIFF has no pixel type for {series.dtype}")
        self._series = series
        self._stored = np.dtype(series.dtype).newbyteorder("<")
        self._planes = series.size_z * series.size_c * series.size_t
        row = series.size_x * series.dtype.itemsize
        self._is_tiled = row * min(_FEWEST_ROWS, series.size_y) > BLOCK
        self._tile = (_tile(series.size_y), _tile(series.size_x))
        self._plane_length = self._tiles * self._tile_length if self._is_tiled else row * series.size_y
        self._xml = build_ome_xml(
            series, document.name, uuid=document.uuid, namespace=document.namespace, annotation=document.annotation
        ).encode("ascii")
        self._lay_out(Directories(big=False))
        if self.size > _CLASSIC_LIMIT:
            self._lay_out(Directories(big=True))

    def _lay_out(self, directories: Directories) -> None:
        self._directories = directories
        self._second = directories.header_length + directories.length(self._tags(0, 0))
        self._directory_length = directories.length(self._tags(1, 0))
        end = self._second + (self._planes - 1) * self._directory_length
        self._pixels = -(-end // _ALIGNMENT) * _ALIGNMENT
        self.size = self._pixels + self._planes * self._plane_length

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of at most `CHUNK` (the front with the OME-XML comes whole).

        Raises:
            ValueError: the file has no such offset.
            and what the series' pixels raise.
        """
        if not 0 <= offset <= self.size:
            raise ValueError(f"{offset} is outside 0..{self.size}")
        for start, piece in self._pieces(offset):
            if rest := piece[max(0, offset - start) :]:
                yield rest

    def _pieces(self, offset: int) -> Iterator[tuple[int, bytes]]:
        """Pieces with their places, from one that holds `offset` on."""
        if offset < self._second:
            yield 0, self._front()
        for number in range(1, self._planes, _AT_ONCE):
            start, last = self._place(number), min(number + _AT_ONCE, self._planes)
            if offset < self._place(last):
                yield start, b"".join(self._directory(plane) for plane in range(number, last))
        if offset < self._pixels:
            end = self._place(self._planes)
            yield end, bytes(self._pixels - end)  # up to where the pixels begin
        first, within = divmod(max(0, offset - self._pixels), self._plane_length)
        for plane in range(first, self._planes):
            yield from self._plane(plane, within if plane == first else 0)

    # ---- directories

    def _place(self, plane: int) -> int:
        """Where a plane's directory lies; of the first plane that is not there, where the directories end."""
        if plane == 0:
            return self._directories.header_length
        return self._second + (plane - 1) * self._directory_length

    def _front(self) -> bytes:
        return self._directories.header() + self._directory(0)

    def _directory(self, plane: int) -> bytes:
        following = self._place(plane + 1) if plane + 1 < self._planes else 0
        tags = self._tags(plane, self._pixels + plane * self._plane_length)
        return self._directories.encode(tags, self._place(plane), following)

    def _tags(self, plane: int, start: int) -> list[Tag]:
        series, sample = self._series, np.dtype(self._series.dtype)
        tags = [
            numbers(254, "long", (0,)),  # NewSubfileType: a full image
            numbers(256, "long", (series.size_x,)),
            numbers(257, "long", (series.size_y,)),
            numbers(258, "short", (sample.itemsize * 8,)),  # BitsPerSample
            numbers(259, "short", (1,)),  # Compression: none
            numbers(262, "short", (1,)),  # PhotometricInterpretation: 0 is black
            numbers(277, "short", (1,)),  # SamplesPerPixel
            *resolution(series.physical_size_x, series.physical_size_y),
            numbers(339, "short", (_SAMPLE_FORMATS[sample.kind],)),
            *(self._tile_tags(start) if self._is_tiled else self._strip_tags(start)),
        ]
        if plane == 0:
            tags += [text(270, self._xml), text(305, b"omero-flows")]
        return tags

    def _strip_tags(self, start: int) -> list[Tag]:
        row, height = self._series.size_x * self._series.dtype.itemsize, self._series.size_y
        rows = max(1, min(height, CHUNK // row))
        tops = range(0, height, rows)
        return [
            numbers(273, self._directories.offset_kind, [start + top * row for top in tops]),
            numbers(278, "long", (rows,)),
            numbers(279, "long", [min(rows, height - top) * row for top in tops]),
        ]

    def _tile_tags(self, start: int) -> list[Tag]:
        height, width = self._tile
        return [
            numbers(322, "long", (width,)),
            numbers(323, "long", (height,)),
            numbers(324, self._directories.offset_kind, [start + n * self._tile_length for n in range(self._tiles)]),
            numbers(325, "long", [self._tile_length] * self._tiles),
        ]

    # ---- pixels

    @property
    def _across(self) -> int:
        """Tiles in a row of tiles."""
        return -(-self._series.size_x // self._tile[1])

    @property
    def _tiles(self) -> int:
        return -(-self._series.size_y // self._tile[0]) * self._across

    @property
    def _tile_length(self) -> int:
        return self._tile[0] * self._tile[1] * self._series.dtype.itemsize

    @cached_property
    def _blocks(self) -> list[_Block]:
        """The blocks of a plane in the order of their bytes."""
        series = self._series
        if self._is_tiled:
            height, width = self._tile
            together = max(1, BLOCK // self._tile_length)
            return [
                _Block(
                    (row * self._across + first) * self._tile_length,
                    first * width,
                    row * height,
                    min(together * width, series.size_x - first * width),
                    min(height, series.size_y - row * height),
                )
                for row in range(-(-series.size_y // height))
                for first in range(0, self._across, together)
            ]
        length = series.size_x * series.dtype.itemsize
        rows = series.size_y
        if rows * length > BLOCK:
            rows = 1 << ((BLOCK // length).bit_length() - 1)  # so that no tile of the source is read twice
        return [
            _Block(top * length, 0, top, series.size_x, min(rows, series.size_y - top))
            for top in range(0, series.size_y, rows)
        ]

    def _plane(self, plane: int, within: int) -> Iterator[tuple[int, bytes]]:
        """The pieces of a plane, from the block on that holds its byte `within`."""
        series = self._series
        rest, z = divmod(plane, series.size_z)
        t, c = divmod(rest, series.size_c)
        start = self._pixels + plane * self._plane_length
        first = bisect_right(self._blocks, within, key=lambda block: block.start) - 1
        for block in self._blocks[first:]:
            pixels = series.region(z, c, t, block.x, block.y, block.width, block.height)
            place = start + block.start
            for piece in self._tiled(pixels) if self._is_tiled else _pieces_of(pixels, self._stored):
                yield place, piece
                place += len(piece)

    def _tiled(self, pixels: NDArray[Any]) -> Iterator[bytes]:
        """The tiles of a block, side by side. Borders repeat the edge, as `write_ome_tiff` does it."""
        height, width = self._tile
        for left in range(0, pixels.shape[1], width):
            tile = pixels[:, left : left + width]
            missing = ((0, height - tile.shape[0]), (0, width - tile.shape[1]))
            yield from _pieces_of(np.pad(tile, missing, mode="edge"), self._stored)


def _pieces_of(pixels: NDArray[Any], stored: np.dtype[Any]) -> Iterator[bytes]:
    flat = np.ascontiguousarray(pixels).reshape(-1)
    step = CHUNK // stored.itemsize
    for first in range(0, flat.size, step):
        yield flat[first : first + step].astype(stored, copy=False).tobytes()


def _tile(length: int) -> int:
    """TIFF wants multiples of 16."""
    return min(_TILE, -(-length // _SMALLEST_TILE) * _SMALLEST_TILE)
