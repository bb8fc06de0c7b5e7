"""Pixels of TIFF pages, from one file or thousands, a bounded number of them open at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import TiffFile, TiffPage

from converters.errors import ConverterError, UnreadableFile
from converters.image_file import Plane

#: Compressions whose segments share tables or a header (JPEG and its relatives).
_JPEG = {6, 7, 33007, 34892}
#: Bytes that one byte can stand for, by compression: none; LZW (a code of 12 bits for 4095 bytes); deflate (RFC
#: 1951: 258 bytes in two bits); PackBits (128 bytes in two). Of the others zstd goes farthest (a block of 128 KB
#: in 4 bytes).
_MOST_COMPRESSED = {1: 1, 5: 2731, 8: 1032, 32946: 1032, 32773: 64}
_MOST_COMPRESSED_ELSE = 32_768
#: A tile that a sparse file leaves out is at most 4096 x 4096 pixels of 4 bytes; and rounding has its place.
_SPARSE_TILE, _SLACK = 1 << 26, 1 << 16


@dataclass(frozen=True)
class PageLocation:
    """Where a plane lies: page `page` of `file`; `sample` of an RGB page (0 for greyscale).

    `follows`: the plane is the n-th after the page's own, stored right behind it without a
    directory of its own (ImageJ's hyperstacks over 4 GB).
    """

    file: Path
    page: int
    sample: int = 0
    follows: int = 0


class _OpenTiff:
    """One open file; its lock serialises reads, because a file has one position."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.tiff = open_tiff(path)
        self.size = self.tiff.filehandle.size
        self.closed = False

    def close(self) -> None:
        with self.lock:
            self.closed = True
            self.tiff.close()


class TiffPages:
    """Reads pages by location. At most `most_open` files are open at once; safe between threads."""

    def __init__(self, most_open: int = 32) -> None:
        self._most_open = most_open
        self._open: OrderedDict[Path, _OpenTiff] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        with self._lock:
            self._closed = True
            files = list(self._open.values())
            self._open.clear()
        for file in files:
            file.close()

    def read(self, at: PageLocation, level: int, x: int, y: int, width: int, height: int) -> Plane:
        """A rectangle of a page (or of its SubIFD `level` - 1), (height, width), native byte order.

        Raises:
            UnreadableFile: missing, truncated or damaged there.
        """
        while True:
            file = self._file(at.file)
            with file.lock:
                if file.closed:  # pushed out by other files before we had its lock
                    continue
                with reading(at.file):
                    page = _page(file.tiff, at.page, level)
                    check_extent(at.file, page, file.size)
                    return _read_rectangle(file, page, at, x, y, width, height)

    def _file(self, path: Path) -> _OpenTiff:
        with self._lock:
            if self._closed:
                raise ValueError("the image file is closed")
            file = self._open.get(path)
            if file is None:
                file = self._open[path] = _OpenTiff(path)
            self._open.move_to_end(path)
            pushed_out = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - self._most_open)]
        for old in pushed_out:
            old.close()
        return file


class PagePixels:
    """The pixels of one series: every (z, c, t) has a page. Implements `PixelSource`."""

    def __init__(
        self,
        pages: TiffPages,
        locate: Mapping[tuple[int, int, int], PageLocation] | Callable[[int, int, int], PageLocation],
    ) -> None:
        self._pages = pages
        self._locate = locate

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        at = self._locate(z, c, t) if callable(self._locate) else self._locate[z, c, t]
        return self._pages.read(at, level, x, y, width, height)


class reading:
    """A `with` block that turns what libraries raise on damaged data into UnreadableFile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ConverterError):
            if isinstance(error, FileNotFoundError):
                raise UnreadableFile(self._path, "there is no such file") from error
            raise UnreadableFile(self._path, f"the file is damaged or truncated ({_first_line(error)})") from error


def open_tiff(path: Path) -> TiffFile:
    """Open with tifffile.

    Raises:
        UnreadableFile: missing or damaged.
    """
    with reading(path):
        return TiffFile(path)


def check_extent(path: Path, page: TiffPage, size: int) -> None:
    """Check that a page's pixels lie in the file, and that what is there can be as many as the page says.

    Whoever reads the page allocates what it says; a damaged width must not take a machine's memory.

    Raises:
        UnreadableFile: truncated or damaged.
    """
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset + count > size:
            raise UnreadableFile(
                path, f"the file is truncated: pixels should reach byte {offset + count}, the file ends at {size}"
            )
    if page.dtype is None:
        return  # nothing can be read of it, and the reader says so
    width, height = _segment_size(page)
    across, down = ceil(page.imagewidth / width), ceil(page.imagelength / height)
    wanted = across * down * (samples(page) if _is_separate(page) else 1)
    if not page.is_contiguous and len(page.dataoffsets) < wanted:
        raise UnreadableFile(
            path,
            f"the file is damaged: {page.imagewidth} x {page.imagelength} pixels in {len(page.dataoffsets)} of"
            f" {wanted} tiles or strips",
        )
    filled = page.imagewidth * page.imagelength if page.is_contiguous else across * width * down * height
    decoded = filled * samples(page) * max(1, int(page.bitspersample)) // 8
    most = sum(_most_decoded(int(page.compression), count) for count in page.databytecounts)
    if decoded > most + _SLACK:
        raise UnreadableFile(
            path,
            f"the file is damaged: {page.imagewidth} x {page.imagelength} pixels cannot be in"
            f" {sum(page.databytecounts)} bytes",
        )


def _most_decoded(compression: int, count: int) -> int:
    """The most bytes that a tile or strip of so many bytes can hold; 0 bytes stand for a tile of fill values."""
    return _SPARSE_TILE if count == 0 else count * _MOST_COMPRESSED.get(compression, _MOST_COMPRESSED_ELSE)


def load_page(tiff: TiffFile, index: int) -> TiffPage:
    """Page `index` with all its tags."""
    page = tiff.pages[index]
    if not isinstance(page, TiffPage):
        page = page.aspage()
    return page


def samples(page: TiffPage) -> int:
    """How many samples (RGB: 3, RGBA: 4, else 1) the page holds at each pixel."""
    return int(page.samplesperpixel)


def levels_of(page: TiffPage) -> tuple[tuple[int, int], ...]:
    """(width, height) of the page and of its SubIFDs as far as they shrink: the pyramid."""
    sizes = [(int(page.imagewidth), int(page.imagelength))]
    for directory in page.pages or ():
        reduced = directory if isinstance(directory, TiffPage) else directory.aspage()
        size = (int(reduced.imagewidth), int(reduced.imagelength))
        if reduced.dtype != page.dtype or samples(reduced) != samples(page) or not _shrinks(size, sizes[-1]):
            break
        sizes.append(size)
    return tuple(sizes)


def _is_separate(page: TiffPage) -> bool:
    """Whether each sample has tiles or strips of its own."""
    return int(page.planarconfig) == 2 and samples(page) > 1


def _segment_size(page: TiffPage) -> tuple[int, int]:
    """(width, height) of a tile or strip."""
    if page.is_tiled:
        return max(1, int(page.tilewidth)), max(1, int(page.tilelength))
    return max(1, int(page.imagewidth)), max(1, min(int(page.rowsperstrip), int(page.imagelength)))


def _shrinks(size: tuple[int, int], previous: tuple[int, int]) -> bool:
    return size[0] <= previous[0] and size[1] <= previous[1] and size != previous


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in native byte order; bilevel pages are read as uint8 0 and 1."""
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype.newbyteorder("=")


def _page(tiff: TiffFile, index: int, level: int) -> TiffPage:
    page = load_page(tiff, index)
    if level == 0:
        return page
    if page.pages is None or len(page.pages) < level:
        raise ValueError(f"page {index} has no resolution level {level}")
    reduced = page.pages[level - 1]
    return reduced if isinstance(reduced, TiffPage) else reduced.aspage()


def _read_rectangle(
    file: _OpenTiff, page: TiffPage, at: PageLocation, x: int, y: int, width: int, height: int
) -> Plane:
    if page.dtype is None:
        raise ValueError("its sample format is unknown")
    separate = _is_separate(page)
    if x + width > page.imagewidth or y + height > page.imagelength:
        raise ValueError(f"the page is {page.imagewidth} x {page.imagelength}, smaller than the first")
    if page.is_memmappable:
        return _read_rows(file, page, at, separate, x, y, width, height)
    if at.follows:
        raise ValueError("planes without a directory are compressed")
    return _read_segments(file, page, at.sample, separate, x, y, width, height)


def _read_rows(
    file: _OpenTiff, page: TiffPage, at: PageLocation, separate: bool, x: int, y: int, width: int, height: int
) -> Plane:
    """Uncompressed and contiguous: only the rows asked for are read."""
    assert page.dtype is not None
    stored = page.dtype.newbyteorder(file.tiff.byteorder)
    interleaved = 1 if separate else samples(page)
    row = page.imagewidth * interleaved * stored.itemsize
    plane = row * page.imagelength
    start = page.dataoffsets[0] + plane * ((samples(page) if separate else 1) * at.follows)
    start += plane * at.sample if separate else 0
    handle = file.tiff.filehandle
    handle.seek(start + y * row)
    data = handle.read(row * height)
    if len(data) != row * height:
        raise UnreadableFile(at.file, f"the file is truncated: {row * height - len(data)} bytes of a plane are missing")
    pixels = np.frombuffer(data, stored).reshape(height, page.imagewidth, interleaved)
    return pixels[:, x : x + width, 0 if separate else at.sample].astype(native(page.dtype))


def _read_segments(
    file: _OpenTiff, page: TiffPage, sample: int, separate: bool, x: int, y: int, width: int, height: int
) -> Plane:
    """Decode the tiles or strips that touch the rectangle, and no others."""
    assert page.dtype is not None
    if page.imagedepth != 1 or page.tiledepth not in (0, 1):
        raise ValueError("volumetric TIFF pages are not read here")
    tile_width, tile_height = _segment_size(page)
    across, down = ceil(page.imagewidth / tile_width), ceil(page.imagelength / tile_height)
    first = sample * across * down if separate else 0
    indices = [
        first + row * across + column
        for row in range(y // tile_height, (y + height - 1) // tile_height + 1)
        for column in range(x // tile_width, (x + width - 1) // tile_width + 1)
    ]
    arguments: dict[str, Any] = {"_fullsize": page.is_tiled}
    if int(page.compression) in _JPEG:
        arguments |= {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    result = np.full((height, width), page.nodata, native(page.dtype))
    segments = file.tiff.filehandle.read_segments(
        [page.dataoffsets[index] for index in indices], [page.databytecounts[index] for index in indices], indices
    )
    for data, index in segments:
        decoded, position, _shape = page.decode(data, index, **arguments)
        if decoded is None:  # a sparse tile: the fill value stands
            continue
        top, left = position[2], position[3]
        pixels = decoded[0, :, :, 0 if separate else sample]
        rows = slice(max(top, y), min(top + pixels.shape[0], y + height))
        columns = slice(max(left, x), min(left + pixels.shape[1], x + width))
        result[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = pixels[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
    return result


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()
    return (text[0] if text else type(error).__name__)[:200]
