"""Zeiss CZI, through Zeiss' own libCZI (pylibCZIrw).

Scenes are series; the tiles of a mosaic are composed to one plane, where they overlap as ZEN draws
them, and pixels that no tile covers are 0. Colour channels (Bgr24, Bgr48, ...) become three channels
each: red, green, blue. Resolution levels are offered when the file stores a pyramid.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from pylibCZIrw import czi

from converters.errors import UnknownFormat, UnreadableFile
from converters.image_file import RGB_COLOURS, Channel, Colour, Fileset, ImageFile, Plane, Series
from converters.readers import czi_segments
from converters.readers.tiff_pages import reading

#: libCZI's pixel types: NumPy type and samples a pixel.
_PIXEL_TYPES = {
    "Gray8": ("uint8", 1),
    "Gray16": ("uint16", 1),
    "Gray32Float": ("float32", 1),
    "Bgr24": ("uint8", 3),
    "Bgr48": ("uint16", 3),
    "Bgr96Float": ("float32", 3),
}
#: Axes beside X, Y, Z, C, T that a file may have more than one of and that are not read here.
_AXES = {"H": "phases", "I": "illumination directions", "R": "rotations", "V": "views", "B": "blocks"}


class _Document:
    """The open file. libCZI's reader is called from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._closed = False
        with reading(path):
            self._context: AbstractContextManager[Any] = czi.open_czi(str(path))
            self.reader: Any = self._context.__enter__()

    def read(self, **arguments: Any) -> Plane:
        with self._lock, reading(self._path):
            if self._closed:
                raise ValueError("the image file is closed")
            return np.asarray(self.reader.read(**arguments))

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._context.__exit__(None, None, None)


class _ScenePixels:
    """The pixels of one scene."""

    def __init__(self, document: _Document, path: Path, scene: int | None, rectangle: Any, samples: list[int]) -> None:
        self._document = document
        self._path = path
        self._scene = scene
        self._left, self._top = rectangle.x, rectangle.y
        #: (channel of the file, sample of its BGR pixels) for each of our channels
        self._stored = [(c, count - 1 - n) for c, count in enumerate(samples) for n in range(count)]

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        channel, sample = self._stored[c]
        scale = 2**level
        roi = (self._left + x * scale, self._top + y * scale, width * scale, height * scale)
        pixels = self._document.read(roi=roi, plane={"Z": z, "C": channel, "T": t}, scene=self._scene, zoom=1 / scale)
        if pixels.shape[:2] != (height, width):
            raise UnreadableFile(
                self._path, f"libCZI gave {pixels.shape[1]} x {pixels.shape[0]} pixels for {width} x {height}"
            )
        return np.ascontiguousarray(pixels[:, :, sample])


def recognises(path: Path, head: bytes) -> bool:
    return head.startswith(czi_segments.MAGIC)


def find_fileset(path: Path) -> Fileset:
    """The file alone. libCZI is not asked: damage that it does not survive must not end whoever only looks."""
    czi_segments.check_extent(path)
    return Fileset((path,))


def open_file(path: Path) -> ImageFile:
    """Open a CZI.

    Raises:
        UnreadableFile: truncated or damaged.
        UnknownFormat: pixel types or axes that are not read here.
    """
    czi_segments.check_extent(path)
    document = _Document(path)
    try:
        with reading(path):
            series = _series(path, document)
    except BaseException:
        document.close()
        raise
    return ImageFile(path, "Zeiss CZI", series, files=(path,), close=document.close)


@dataclass(frozen=True)
class _Metadata:
    channels: tuple[Channel, ...]
    x: float | None
    y: float | None
    z: float | None
    acquired: datetime | None
    scenes: dict[int, str]


def _series(path: Path, document: _Document) -> tuple[Series, ...]:
    reader = document.reader
    box = reader.total_bounding_box
    for axis, meaning in _AXES.items():
        first, end = box.get(axis, (0, 1))
        if end - first > 1:
            raise UnknownFormat(path, f"this CZI has {end - first} {meaning}, which are not read here")
    if any(box.get(axis, (0, 1))[0] != 0 for axis in "ZCT"):
        raise UnreadableFile(path, "this CZI is a part cut out of another: its planes do not begin at 0")
    size_z, size_t, stored_c = (box.get(axis, (0, 1))[1] for axis in "ZTC")
    stored = reader.pixel_types  # asks libCZI for every channel, each time
    kinds = [stored[c] for c in range(stored_c)]
    unknown = [kind for kind in kinds if kind not in _PIXEL_TYPES]
    if unknown or len({_PIXEL_TYPES[kind][0] for kind in kinds}) != 1:
        raise UnknownFormat(path, f"its pixel types ({', '.join(sorted(set(kinds)))}) are not read here")
    samples = [_PIXEL_TYPES[kind][1] for kind in kinds]
    known = _metadata(ElementTree.fromstring(reader.raw_metadata), samples)
    depth = _pyramid_depth(reader)
    scenes: dict[int | None, Any] = dict(reader.scenes_bounding_rectangle_no_pyramid)
    scenes = scenes or {None: reader.total_bounding_rectangle_no_pyramid}
    found = []
    for index, (scene, rectangle) in enumerate(sorted(scenes.items(), key=lambda item: item[0] or 0)):
        width, height = rectangle.w, rectangle.h
        levels = [(width, height)]
        levels += [(width >> k, height >> k) for k in range(1, depth + 1) if width >> k and height >> k]
        name = known.scenes.get(scene, f"Scene {scene + 1}") if scene is not None and len(scenes) > 1 else path.name
        found.append(
            Series(
                index,
                name,
                width,
                height,
                size_z,
                sum(samples),
                size_t,
                np.dtype(_PIXEL_TYPES[kinds[0]][0]),
                known.channels,
                tuple(levels),
                _ScenePixels(document, path, scene, rectangle, samples),
                known.x,
                known.y,
                known.z,
                known.acquired,
            )
        )
    return tuple(found)


def _pyramid_depth(reader: Any) -> int:
    """How many halvings the smallest stored level is away from full size; 0 without a pyramid."""
    ratio = 1.0

    def look(_: int, block: Any) -> bool:
        nonlocal ratio
        ratio = max(ratio, block.logicalRect.w / max(1, block.physicalSize.w))
        return True

    reader.enumerate_subblocks(look)
    return int(np.log2(ratio + 1e-6))


def _metadata(root: ElementTree.Element, samples: list[int]) -> _Metadata:
    """Zeiss' XML: Scaling in metres, channels under Image/Dimensions and (colours) DisplaySetting."""
    image = root.find("./Metadata/Information/Image")
    elements = root.findall("./Metadata/Information/Image/Dimensions/Channels/Channel")
    shown = root.findall("./Metadata/DisplaySetting/Channels/Channel")
    channels: list[Channel] = []
    for c, count in enumerate(samples):
        element = elements[c] if c < len(elements) else None
        display = shown[c] if c < len(shown) else None
        names = [found.get("Name") for found in (element, display) if found is not None]
        name = next((found for found in names if found), None)
        emission, excitation = _number(element, "EmissionWavelength"), _number(element, "ExcitationWavelength")
        if count == 3:
            channels += [
                Channel(f"{name} {word}" if name else word, colour, emission, excitation)
                for word, colour in zip(("Red", "Green", "Blue"), RGB_COLOURS, strict=True)
            ]
        else:
            channels.append(Channel(name, _colour(display) or _colour(element), emission, excitation))
    moment = image.findtext("AcquisitionDateAndTime") if image is not None else None
    scenes = {
        int(scene.get("Index", "-1")): str(scene.get("Name"))
        for scene in root.iterfind("./Metadata/Information/Image/Dimensions/S/Scenes/Scene")
        if scene.get("Name")
    }
    x, y, z = (_micrometres(root, axis) for axis in "XYZ")
    return _Metadata(tuple(channels), x, y, z, _moment(moment), scenes)


def _micrometres(root: ElementTree.Element, axis: str) -> float | None:
    text = root.findtext(f"./Metadata/Scaling/Items/Distance[@Id='{axis}']/Value")
    metres = float(text) if text else 0.0
    return metres * 1e6 if metres > 0 else None


def _number(element: ElementTree.Element | None, name: str) -> float | None:
    text = element.findtext(name) if element is not None else None
    return float(text) if text else None


def _colour(element: ElementTree.Element | None) -> Colour | None:
    """`#AARRGGBB` or `#RRGGBB`. ZEN writes alpha 0 for opaque channels too, so that it is not kept."""
    text = (element.findtext("Color") if element is not None else None) or ""
    digits = text.removeprefix("#")[-6:]
    if len(digits) != 6:
        return None
    red, green, blue = bytes.fromhex(digits)
    return (red, green, blue, 255)


def _moment(text: str | None) -> datetime | None:
    """ISO 8601 with up to seven decimals of a second; Python takes six."""
    if not text:
        return None
    seconds, _, rest = text.partition(".")
    zone = "+00:00" if text.endswith("Z") else ""
    decimals = "".join(character for character in rest if character.isdigit())[:6]
    try:
        return datetime.fromisoformat(f"{seconds.removesuffix('Z')}.{decimals.ljust(6, '0')}{zone}")
    except ValueError:
        return None
