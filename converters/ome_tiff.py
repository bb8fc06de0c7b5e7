"""Writes a series as a pyramidal OME-TIFF (OME-TIFF 6: reduced levels in SubIFDs)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffWriter

from converters.errors import UnwritableOutput
from converters.image_file import Series
from converters.ome_xml import PIXEL_TYPES, build_ome_xml, read_annotation
from converters.pyramid import halve, level_sizes, scratch
from converters.statistics import ChannelStatistics

TILE = 512
_SMALLEST_TILE = 16
#: Above this many bytes of pixels the file is a BigTIFF, whose offsets have 64 bits.
_CLASSIC_LIMIT = 3 << 30

#: (first row, number of rows) of a level to its pixels.
_Rows = Callable[[int, int], NDArray[Any]]
Progress = Callable[[int, int], None]
#: Key-values that are known when all pixels have been seen, from the channels' statistics.
Describe = Callable[[tuple[ChannelStatistics, ...]], Mapping[str, str]]


class Compression(StrEnum):
    """All are lossless. Every reader knows zlib; zstd is three times as fast and needs a newer one."""

    ZLIB = "zlib"
    ZSTD = "zstd"
    NONE = "none"


#: Level 1 of each: on microscopes' noise the higher ones cost two to ten times as long for under 3 %.
_LEVEL = {Compression.ZLIB: 1, Compression.ZSTD: 1}


@dataclass(frozen=True)
class Document:
    """What the OME-XML says beside the series' own metadata. `describe` adds to the annotation."""

    name: str
    uuid: str
    namespace: str
    describe: Describe


def write_ome_tiff(
    series: Series,
    path: Path,
    document: Document,
    *,
    compression: Compression = Compression.ZLIB,
    progress: Progress | None = None,
) -> None:
    """Write `series` to `path`, which is overwritten; see `PartialFile` for atomicity.

    Planes in the order XYZCT, little-endian, in tiles of 512 x 512 (smaller images: one tile). Memory:
    a row of tiles and, of planes over 32 MB a quarter, nothing more; the reduced levels of larger planes
    are made in an unnamed file beside the result. `progress(done, total)` counts planes.

    Raises:
        UnwritableOutput: the pixel type has no place in the OME model.
        UnreadableFile: from the series' reader.
        OSError: the file system refused; ENOSPC when the disk is full.
    """
    if np.dtype(series.dtype).name not in PIXEL_TYPES:
        raise UnwritableOutput(path, f"OME-TIFF has no pixel type for {series.dtype} (64-bit integers, half floats)")
    statistics = tuple(ChannelStatistics(series.dtype) for _ in range(series.size_c))
    levels = level_sizes(series.size_x, series.size_y)
    total = series.size_z * series.size_c * series.size_t
    pixels = series.size_x * series.size_y * series.dtype.itemsize * total
    first = _xml(series, document, {})
    with TiffWriter(path, bigtiff=pixels > _CLASSIC_LIMIT, byteorder="<") as tiff:
        planes = product(range(series.size_t), range(series.size_c), range(series.size_z))
        for number, (t, c, z) in enumerate(planes):
            _write_plane(
                tiff, series, (z, c, t), levels, statistics[c], compression, first if number == 0 else None, path.parent
            )
            if progress is not None:
                progress(number + 1, total)
    with TiffFile(path, mode="r+") as written:
        page = written.pages.first
        page.tags["ImageDescription"].overwrite(_xml(series, document, document.describe(statistics)))


def read_written_annotation(path: Path, namespace: str) -> dict[str, str] | None:
    """The annotation of a file that `write_ome_tiff` made; None when there is no such file."""
    try:
        with TiffFile(path) as tiff:
            return read_annotation(tiff.pages.first.description, namespace)
    except (OSError, ValueError):  # TiffFileError is a ValueError: the file is not ours
        return None


def _xml(series: Series, document: Document, annotation: Mapping[str, str]) -> bytes:
    return build_ome_xml(
        series, document.name, uuid=document.uuid, namespace=document.namespace, annotation=annotation
    ).encode("ascii")


def _write_plane(
    tiff: TiffWriter,
    series: Series,
    zct: tuple[int, int, int],
    levels: tuple[tuple[int, int], ...],
    statistics: ChannelStatistics,
    compression: Compression,
    description: bytes | None,
    folder: Path,
) -> None:
    z, c, t = zct
    width, _ = levels[0]

    def stored(top: int, rows: int) -> NDArray[Any]:
        band = series.region(z, c, t, 0, top, width, rows)
        statistics.add(band)
        return band

    source: _Rows = stored
    for number, (wide, high) in enumerate(levels):
        reduced = scratch(levels[number + 1], series.dtype, folder) if number + 1 < len(levels) else None
        options: dict[str, Any] = {"description": description} if number == 0 and description is not None else {}
        options |= {"subifds": len(levels) - 1} if number == 0 and len(levels) > 1 else {}
        options |= {"subfiletype": 1} if number else {}
        tile = (_tile(high), _tile(wide))
        tiff.write(
            _tiles(source, (high, wide), tile, reduced),
            shape=(high, wide),
            dtype=series.dtype,
            tile=tile,
            photometric="minisblack",
            metadata=None,
            software="omero-flows",
            contiguous=False,
            maxworkers=os.cpu_count() or 1,
            **_codec(series.dtype, compression),
            **options,
        )
        if reduced is not None:
            source = _rows_of(reduced)


def _rows_of(pixels: NDArray[Any]) -> _Rows:
    return lambda top, rows: pixels[top : top + rows]


def _tiles(
    source: _Rows,
    size: tuple[int, int],
    tile: tuple[int, int],
    reduced: NDArray[Any] | None,
) -> Iterator[NDArray[Any]]:
    """The tiles of a level, row by row; on the way the next level is filled. Borders repeat the edge."""
    height, width = size
    for top in range(0, height, tile[0]):
        band = np.ascontiguousarray(source(top, min(tile[0], height - top)))
        if reduced is not None and band.shape[0] >= 2:
            small = halve(band)
            reduced[top // 2 : top // 2 + small.shape[0]] = small
        for left in range(0, width, tile[1]):
            piece = band[:, left : left + tile[1]]
            missing = (tile[0] - piece.shape[0], tile[1] - piece.shape[1])
            if any(missing):
                piece = np.pad(piece, ((0, missing[0]), (0, missing[1])), mode="edge")
            yield np.ascontiguousarray(piece)


def _tile(length: int) -> int:
    """TIFF wants multiples of 16."""
    return min(TILE, -(-length // _SMALLEST_TILE) * _SMALLEST_TILE)


def _codec(dtype: np.dtype[Any], compression: Compression) -> dict[str, Any]:
    """Horizontal differences for integers, the floating point predictor for floats, none for complex."""
    if compression is Compression.NONE:
        return {}
    options: dict[str, Any] = {"compression": compression.value, "compressionargs": {"level": _LEVEL[compression]}}
    predictor = {"i": 2, "u": 2, "f": 3}.get(dtype.kind)
    return options if predictor is None else options | {"predictor": predictor}
