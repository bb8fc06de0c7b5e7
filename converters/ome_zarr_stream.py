"""A series as an OME-Zarr that is sent while it is read: names and sizes of its files are known before the first byte.

NGFF 0.4 (ngff.openmicroscopy.org/0.4) in Zarr version 2, which is what workflows and OMERO's pixel buffer read: one
resolution, axes tczyx, chunks without compression in files `0/t/c/z/y/x`. A chunk is a part of one channel at one time
point: rows and columns of up to 1024, and as many z sections as fit 4 MiB. Chunks at a border are whole, with zeros
beyond the image, as Zarr wants them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import UnwritableOutput
from converters.image_file import Series

#: Bytes of the largest chunk; and so what is held in memory, a copy aside.
LARGEST_CHUNK = 4 << 20
_EDGE = 1024
#: Zarr version 2 and NGFF 0.4 take more; this is what readers agree on.
_KINDS = "iuf"
#: Colours of channels that have none: what OME's own writers show first.
_GREY = "FFFFFF"


@dataclass(frozen=True)
class ZarrFile:
    """A file of the store: its name below the store's folder, its bytes, and what makes them."""

    name: str
    size: int
    read: Callable[[], bytes]


class OmeZarrStream:
    """The files of the store. `size` is the number of their bytes; the same series gives the same bytes.

    `annotation` is kept in the group's attributes under `namespace`. Not kept: times and places of planes.

    Raises:
        UnwritableOutput: the pixels are no integers and no floating-point numbers.
    """

    def __init__(self, series: Series, name: str, *, namespace: str, annotation: Mapping[str, str]) -> None:
        if series.dtype.kind not in _KINDS:
            raise UnwritableOutput(Path(name), f"OME-Zarr has no pixel type for {series.dtype}")
        self._series = series
        self._stored = np.dtype(series.dtype).newbyteorder("<")
        self._shape = (series.size_t, series.size_c, series.size_z, series.size_y, series.size_x)
        self._chunk = _chunk_shape(series)
        self._chunk_length = int(np.prod(self._chunk)) * self._stored.itemsize
        self._texts = {
            ".zgroup": _encode({"zarr_format": 2}),
            ".zattrs": _encode(self._attributes(name) | {namespace: dict(annotation)}),
            "0/.zarray": _encode(self._array()),
        }
        self._counts = tuple(-(-size // length) for size, length in zip(self._shape, self._chunk, strict=True))
        texts = sum(len(text) for text in self._texts.values())
        self.size = texts + int(np.prod(self._counts)) * self._chunk_length

    def files(self) -> Iterator[ZarrFile]:
        """All files, the small ones that describe the others first."""
        for name, text in self._texts.items():
            yield ZarrFile(name, len(text), partial(bytes, text))
        for place in itertools.product(*map(range, self._counts)):
            name = "0/" + "/".join(map(str, place))
            yield ZarrFile(name, self._chunk_length, partial(self._read, *place))

    def _read(self, t: int, c: int, z: int, y: int, x: int) -> bytes:
        series = self._series
        _, _, depth, height, width = self._chunk
        first, top, left = z * depth, y * height, x * width
        rows, columns = min(height, series.size_y - top), min(width, series.size_x - left)
        chunk = np.zeros((depth, height, width), self._stored)
        for section in range(min(depth, series.size_z - first)):
            chunk[section, :rows, :columns] = series.region(first + section, c, t, left, top, columns, rows)
        return chunk.tobytes()

    def _array(self) -> dict[str, Any]:
        return {
            "chunks": self._chunk,
            "compressor": None,
            "dimension_separator": "/",
            "dtype": self._stored.str if self._stored.itemsize > 1 else f"|{self._stored.str[1:]}",
            "fill_value": 0,
            "filters": None,
            "order": "C",
            "shape": self._shape,
            "zarr_format": 2,
        }

    def _attributes(self, name: str) -> dict[str, Any]:
        series = self._series
        physical = (series.physical_size_z, series.physical_size_y, series.physical_size_x)
        axes: list[dict[str, str]] = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
        for axis, size in zip("zyx", physical, strict=True):
            axes.append({"name": axis, "type": "space"} | ({} if size is None else {"unit": "micrometer"}))
        scale = [1.0, 1.0, *(1.0 if size is None else float(size) for size in physical)]
        multiscale = {
            "version": "0.4",
            "name": name,
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
        }
        return {"multiscales": [multiscale]} | {"omero": self._display()}

    def _display(self) -> dict[str, Any]:
        """Names and colours. The window is the whole range of the pixel type: nobody has looked at the pixels."""
        dtype = self._series.dtype
        least, most = (0.0, 1.0) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        window = {"min": float(least), "max": float(most), "start": float(least), "end": float(most)}
        channels = [
            {
                "label": channel.name or f"Channel {number}",
                "color": _GREY if channel.colour is None else bytes(channel.colour[:3]).hex().upper(),
                "window": window,
                "active": True,
            }
            for number, channel in enumerate(self._series.channels)
        ]
        return {"channels": channels}


def _chunk_shape(series: Series) -> tuple[int, int, int, int, int]:
    height, width = min(_EDGE, series.size_y), min(_EDGE, series.size_x)
    section = height * width * series.dtype.itemsize
    return (1, 1, max(1, min(series.size_z, LARGEST_CHUNK // section)), height, width)


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode("ascii") + b"\n"
