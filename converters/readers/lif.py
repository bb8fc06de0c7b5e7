"""Leica LIF. liffile parses the container; pixels are read by the strides that the XML gives.

Format: each Image's DimensionDescription and ChannelDescription elements give the distance in bytes
(BytesInc) from one element of an axis to the next inside the image's memory block, so that a plane
of any axis order is read without the rest. Lambda axes (emission or excitation sweeps) become
channels; stage positions (mosaics) and loops become series of their own. FLIM raw data are not
images and are left out.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from liffile import LifFile, LifFileType, LifImage

from converters.errors import UnknownFormat, UnreadableFile
from converters.image_file import RGB_COLOURS, Channel, Colour, Fileset, ImageFile, Plane, Series
from converters.readers.tiff_pages import reading

#: DimID of the axes, as LAS AF and LAS X write them.
_X, _Y, _Z, _T, _EMISSION, _EXCITATION, _MOSAIC, _LOOP = 1, 2, 3, 4, 5, 9, 10, 11
_KNOWN = {_X, _Y, _Z, _T, _EMISSION, _EXCITATION, _MOSAIC, _LOOP}
#: Rows further apart than this many times what is wanted of them are read one by one.
_SPARSE = 8
_COLOURS: dict[str, Colour] = {
    "red": (255, 0, 0, 255),
    "green": (0, 255, 0, 255),
    "blue": (0, 0, 255, 255),
    "cyan": (0, 255, 255, 255),
    "magenta": (255, 0, 255, 255),
    "yellow": (255, 255, 0, 255),
    "gray": (255, 255, 255, 255),
    "grey": (255, 255, 255, 255),
}


@dataclass(frozen=True)
class _Axis:
    """One DimensionDescription: `size` elements, `stride` bytes apart, `step` in the axis' unit."""

    identity: int
    size: int
    origin: float
    step: float
    stride: int


@dataclass(frozen=True)
class _StoredChannel:
    tag: int
    offset: int
    dtype: np.dtype[Any]
    colour_table: str
    dye: str | None


class _SharedFile:
    """The open file, read at offsets from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._lock = threading.Lock()

    def read(self, offset: int, length: int) -> bytes:
        if self._descriptor is None:
            raise ValueError("the image file is closed")
        parts = []
        while length:
            part = os.pread(self._descriptor, length, offset)
            if not part:
                raise UnreadableFile(self._path, f"the file is truncated: {length} bytes of a plane are missing")
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


class _BlockPixels:
    """Pixels of one series by byte strides. `os.pread` has no file position, so threads need no lock."""

    def __init__(
        self, file: _SharedFile, start: int, dtype: np.dtype[Any], axes: dict[int, _Axis], channels: tuple[int, ...]
    ) -> None:
        self._file = file
        self._start = start
        self._dtype = dtype
        self._channels = channels  # byte offset of each channel
        self._row, self._pixel = _stride(axes, _Y), _stride(axes, _X)
        self._z, self._t = _stride(axes, _Z), _stride(axes, _T)

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        start = self._start + self._channels[c] + z * self._z + t * self._t + y * self._row + x * self._pixel
        within_row = (width - 1) * self._pixel + self._dtype.itemsize
        if self._row <= _SPARSE * within_row:
            return self._view(start, height, width, (height - 1) * self._row + within_row)
        rows = [self._view(start + row * self._row, 1, width, within_row) for row in range(height)]
        return np.concatenate(rows)

    def _view(self, start: int, height: int, width: int, length: int) -> Plane:
        data = self._file.read(start, length)
        view = np.ndarray((height, width), self._dtype, data, strides=(self._row, self._pixel))
        return view.astype(self._dtype.newbyteorder("="))


def recognises(path: Path, head: bytes) -> bool:
    """The block marks of Leica's object files: 0x70, and 0x2A behind the block's size."""
    return len(head) > 13 and head[:4] == b"\x70\0\0\0" and head[8] == 0x2A


def find_fileset(path: Path) -> Fileset:
    open_file(path).close()
    return Fileset((path,))


def open_file(path: Path) -> ImageFile:
    """Open a LIF.

    Raises:
        UnreadableFile: truncated or damaged; every image's memory block must lie inside the file.
        UnknownFormat: a LOF, or axes or data that are not read here.
    """
    with reading(path), LifFile(path) as lif:
        if lif.type is not LifFileType.LIF:
            raise UnknownFormat(path, f"this is a Leica {lif.type.name} file, which is not read here (LIF is)")
        images = [image for image in lif.images if isinstance(image, LifImage) and _has_pixels(image)]
        if not images:
            raise UnknownFormat(path, "this LIF has no image (only FLIM raw data or empty collections)")
        plans = [_plan(path, image) for image in images]
    file = _SharedFile(path)
    series: list[Series] = []
    for plan in plans:
        series += plan.series(file, len(series))
    return ImageFile(path, "Leica LIF", series, files=(path,), close=file.close)


@dataclass(frozen=True)
class _Plan:
    """An Image element, understood."""

    name: str
    uuid: str | None
    start: int
    axes: dict[int, _Axis]
    channels: tuple[_StoredChannel, ...]
    acquired: datetime | None

    def series(self, file: _SharedFile, first: int) -> list[Series]:
        """One series, or one for each stage position and loop."""
        repeats = [self.axes[identity] for identity in (_LOOP, _MOSAIC) if identity in self.axes]
        places = list(product(*(range(axis.size) for axis in repeats)))
        found = []
        for number, place in enumerate(places):
            start = self.start + sum(step * axis.stride for step, axis in zip(place, repeats, strict=True))
            suffix = f" #{number + 1}" if len(places) > 1 else ""
            found.append(self._one(file, first + number, start, suffix))
        return found

    def _one(self, file: _SharedFile, index: int, start: int, suffix: str) -> Series:
        offsets, described = [], []
        for stored in self.channels:
            for shift, channel in _sweep(self.axes, stored):
                offsets.append(stored.offset + shift)
                described.append(channel)
        x, y, z, t = (self.axes[axis].size if axis in self.axes else 1 for axis in (_X, _Y, _Z, _T))
        dtype = self.channels[0].dtype
        return Series(
            index,
            self.name + suffix,
            x,
            y,
            z,
            len(offsets),
            t,
            dtype.newbyteorder("="),
            tuple(described),
            ((x, y),),
            _BlockPixels(file, start, dtype, self.axes, tuple(offsets)),
            _micrometres(self.axes, _X),
            _micrometres(self.axes, _Y),
            _micrometres(self.axes, _Z),
            self.acquired,
            (self.uuid + suffix) if self.uuid else None,
        )


def _plan(path: Path, image: LifImage) -> _Plan:
    description = image.xml_element.find("./Data/Image/ImageDescription")
    if description is None:
        raise UnreadableFile(path, f"the image {image.path!r} has no description")
    axes = {axis.identity: axis for axis in map(_axis, description.findall("./Dimensions/DimensionDescription"))}
    unknown = [axis for axis in axes.values() if axis.size > 1 and axis.identity not in _KNOWN]
    if unknown:
        raise UnknownFormat(path, f"the image {image.path!r} has an axis (DimID {unknown[0].identity}) not read here")
    channels = [_stored_channel(element) for element in description.findall("./Channels/ChannelDescription")]
    if not channels or len({channel.dtype for channel in channels}) > 1:
        raise UnknownFormat(path, f"the image {image.path!r} has no channel, or channels of different pixel types")
    if {channel.tag for channel in channels} == {1, 2, 3} and len(channels) == 3:
        channels.sort(key=lambda channel: channel.tag)  # stored blue first, shown red first
    block = image.memory_block
    last = sum((axis.size - 1) * axis.stride for axis in axes.values())
    needed = last + max(channel.offset + channel.dtype.itemsize for channel in channels)
    if min([axis.stride for axis in axes.values()] + [channel.offset for channel in channels]) < 0:
        raise UnreadableFile(path, f"the image {image.path!r} has negative distances between its pixels")
    if needed > block.size:
        raise UnreadableFile(path, f"the image {image.path!r} needs {needed} bytes, its memory block has {block.size}")
    pixels = prod(axis.size for axis in axes.values())
    if pixels * sum(channel.dtype.itemsize for channel in channels) > block.size:  # axes that share their bytes
        raise UnreadableFile(path, f"the image {image.path!r} has {pixels} pixels, its memory block {block.size} bytes")
    size = path.stat().st_size
    if block.offset < 0 or block.offset + needed > size:
        raise UnreadableFile(
            path, f"the file is truncated: the image {image.path!r} should reach byte {block.offset + needed} of {size}"
        )
    times = image.timestamps
    acquired = None
    if times is not None and len(times) and int(times[0].astype("int64")) > 0:
        acquired = datetime.fromtimestamp(int(times[0].astype("int64")) / 1000, UTC)
    return _Plan(image.path, image.uuid, block.offset, axes, tuple(channels), acquired)


def _axis(element: ElementTree.Element) -> _Axis:
    size = int(element.attrib["NumberOfElements"])
    if size < 1:
        raise ValueError("an axis has no elements")
    step = float(element.attrib["Length"]) / (size - 1) if size > 1 else 0.0
    return _Axis(
        int(element.attrib["DimID"]), size, float(element.attrib["Origin"]), step, int(element.attrib["BytesInc"])
    )


def _stored_channel(element: ElementTree.Element) -> _StoredChannel:
    bits, is_float = int(element.attrib["Resolution"]), int(element.attrib["DataType"]) == 1
    width = 1 if bits <= 8 else 2 if bits <= 16 else 4 if bits <= 32 else 8
    if (is_float and width not in (4, 8)) or (not is_float and width == 8):
        raise ValueError(f"{bits}-bit {'float' if is_float else 'integer'} pixels")
    properties = {found.findtext("Key"): found.findtext("Value") for found in element.findall("./ChannelProperty")}
    return _StoredChannel(
        int(element.attrib["ChannelTag"]),
        int(element.attrib["BytesInc"]),
        np.dtype(f"<{'f' if is_float else 'u'}{width}"),
        element.attrib.get("LUTName", ""),
        properties.get("DyeName") or None,
    )


def _sweep(axes: dict[int, _Axis], stored: _StoredChannel) -> list[tuple[int, Channel]]:
    """(byte offset, channel) for each wavelength of the sweeps, or the one channel itself."""
    colour = RGB_COLOURS[stored.tag - 1] if stored.tag in (1, 2, 3) else _COLOURS.get(stored.colour_table.lower())
    name = stored.dye or (stored.colour_table or None)
    emission, excitation = axes.get(_EMISSION), axes.get(_EXCITATION)
    if emission is None and excitation is None:
        return [(0, Channel(name, colour))]
    found = []
    for first, second in product(range(excitation.size if excitation else 1), range(emission.size if emission else 1)):
        excited = _nanometres(excitation, first)
        emitted = _nanometres(emission, second)
        words = [f"{text} {value:g} nm" for text, value in (("ex", excited), ("em", emitted)) if value is not None]
        shift = (excitation.stride * first if excitation else 0) + (emission.stride * second if emission else 0)
        found.append((shift, Channel(" ".join(words), colour, emitted, excited)))
    return found


def _nanometres(axis: _Axis | None, index: int) -> float | None:
    return None if axis is None else round((axis.origin + axis.step * index) * 1e9, 3)


def _micrometres(axes: dict[int, _Axis], identity: int) -> float | None:
    axis = axes.get(identity)
    return abs(axis.step) * 1e6 if axis is not None and axis.step else None


def _stride(axes: dict[int, _Axis], identity: int) -> int:
    return axes[identity].stride if identity in axes else 0


def _has_pixels(image: LifImage) -> bool:
    """An acquisition that was planned and never run has a memory block of no bytes."""
    memory = image.xml_element.find("./Memory")
    return memory is None or int(memory.get("Size", "0")) > 0
