"""OME-XML metadata, of any schema year: elements are matched by their local names.

Rules from the OME data model documentation (OME-TIFF specification, "TiffData"): a TiffData block
gives the first plane's position and IFD, planes follow in DimensionOrder; a block's UUID names its
file. Parsed leniently rather than into validated objects, because old instruments write
invalid but clear XML, and because a plate's companion has 100,000 elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from converters.errors import UnreadableFile
from converters.image_file import Channel, Colour, Plate, PlateWell

PIXEL_TYPES = {
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "float": "float32",
    "double": "float64",
    "complex": "complex64",
    "double-complex": "complex128",
    "bit": "uint8",
}
#: Micrometres a unit; the schema's names of units of length.
_MICROMETRES = {
    "m": 1e6,
    "dm": 1e5,
    "cm": 1e4,
    "mm": 1e3,
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "nm": 1e-3,
    "pm": 1e-6,
    "Å": 1e-4,
    "in": 25_400.0,
}
_AXES = frozenset("ZCT")
#: More than any instrument makes; damaged numbers are refused before anybody counts up to them.
_MOST_CHANNELS, _MOST_ROWS = 65_536, 10_000


@dataclass(frozen=True)
class TiffBlock:
    """Planes of an image that lie in a row of IFDs. `file` None: the file that holds the XML."""

    z: int
    c: int
    t: int
    ifd: int
    count: int | None
    file: str | None
    uuid: str | None


@dataclass(frozen=True)
class OmeImage:
    """One Image element. `order` names the axes behind XY, fastest first, for example `ZCT`."""

    identity: str
    name: str
    order: str
    sizes: dict[str, int]
    dtype: np.dtype[Any]
    channels: tuple[Channel, ...]
    samples: tuple[int, ...]
    physical: tuple[float | None, float | None, float | None]
    acquired: datetime | None
    blocks: tuple[TiffBlock, ...]

    def position(self, index: int) -> tuple[int, int, int]:
        """(z, c, t) of the index-th plane in the dimension order; c counts Channel elements."""
        sizes = self.sizes | {"C": len(self.samples)}
        found = {}
        for axis in self.order:
            found[axis] = index % sizes[axis]
            index //= sizes[axis]
        return found["Z"], found["C"], found["T"]

    def index(self, z: int, c: int, t: int) -> int:
        """The inverse of `position`."""
        sizes = self.sizes | {"C": len(self.samples)}
        place, index = 1, 0
        for axis in self.order:
            index += {"Z": z, "C": c, "T": t}[axis] * place
            place *= sizes[axis]
        return index

    @property
    def planes(self) -> int:
        return self.sizes["Z"] * self.sizes["T"] * len(self.samples)


@dataclass(frozen=True)
class OmeXml:
    """A document. `metadata_file`: this one is a stub (BinaryOnly), the metadata are in that file."""

    uuid: str | None
    metadata_file: str | None
    images: tuple[OmeImage, ...]
    plate: Plate | None


def parse_ome_xml(path: Path, text: bytes) -> OmeXml:
    """Parse the OME-XML found in `path`.

    External entities are not fetched (expat's default); it limits the expansion of internal ones.

    Raises:
        UnreadableFile: not well-formed, or what pixels need is missing or contradictory.
    """
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadableFile(path, f"its OME-XML is damaged or cut off ({error})") from error
    if _tag(root) != "OME":
        raise UnreadableFile(path, f"its XML is <{_tag(root)}>, not <OME>")
    binary_only = next(_children(root, "BinaryOnly"), None)
    try:
        images = tuple(_image(element, number) for number, element in enumerate(_children(root, "Image")))
        numbers = {image.identity: number for number, image in enumerate(images)}
        plate = next((_plate(element, numbers) for element in _children(root, "Plate")), None)
    except (KeyError, ValueError, StopIteration) as error:
        raise UnreadableFile(path, f"its OME-XML is incomplete or contradictory: {error}") from error
    return OmeXml(root.get("UUID"), None if binary_only is None else binary_only.get("MetadataFile"), images, plate)


def _image(element: ElementTree.Element, number: int) -> OmeImage:
    pixels = next(_children(element, "Pixels"), None)
    if pixels is None:
        raise ValueError(f"Image {number} has no Pixels")
    sizes = {axis: _size(pixels, axis) for axis in "XYZCT"}
    order = _required(pixels, "DimensionOrder")[2:]
    if set(order) != _AXES or len(order) != len(_AXES):
        raise ValueError(f"DimensionOrder XY{order}")
    kind = pixels.get("Type") or pixels.get("PixelType") or ""
    if kind.lower() not in PIXEL_TYPES:
        raise ValueError(f"pixel type {kind!r}")
    described = [(_samples(child), _channel(child)) for child in _children(pixels, "Channel")]
    if sizes["C"] > _MOST_CHANNELS:
        raise ValueError(f"SizeC is {sizes['C']}")
    samples, channels = _expand(described, sizes["C"])
    acquired = next((child.text for child in _children(element, "AcquisitionDate", "AcquiredDate", "CreationDate")), "")
    identity = element.get("ID") or f"Image:{number}"
    return OmeImage(
        identity,
        element.get("Name") or "",
        order,
        sizes,
        np.dtype(PIXEL_TYPES[kind.lower()]),
        channels,
        samples,
        (_length(pixels, "X"), _length(pixels, "Y"), _length(pixels, "Z")),
        _moment(acquired),
        tuple(_block(child) for child in _children(pixels, "TiffData")),
    )


def _expand(described: list[tuple[int, Channel]], size_c: int) -> tuple[tuple[int, ...], tuple[Channel, ...]]:
    """Samples of each Channel element, and one Channel a sample."""
    if not described:
        return (1,) * size_c, (Channel(),) * size_c
    samples = tuple(count for count, _ in described)
    if sum(samples) != size_c:
        if len(described) == 1 and size_c > samples[0] >= 1 and size_c % samples[0] == 0:
            described, samples = described * (size_c // samples[0]), samples * (size_c // samples[0])
        else:
            raise ValueError(f"SizeC is {size_c}, the Channel elements have {sum(samples)} samples")
    return samples, tuple(channel for count, channel in described for _ in range(count))


def _samples(channel: ElementTree.Element) -> int:
    count = int(channel.get("SamplesPerPixel", "1"))
    if count < 1:
        raise ValueError(f"a Channel has {count} SamplesPerPixel")
    return count


def _channel(element: ElementTree.Element) -> Channel:
    return Channel(
        element.get("Name"),
        _colour(element.get("Color")),
        _nanometres(element, "Emission"),
        _nanometres(element, "Excitation"),
    )


def _colour(text: str | None) -> Colour | None:
    """OME's colour is a signed 32-bit number, 0xRRGGBBAA."""
    if text is None:
        return None
    value = int(text) & 0xFFFFFFFF
    return (value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255)


def _block(element: ElementTree.Element) -> TiffBlock:
    uuid = next(_children(element, "UUID"), None)
    count = element.get("PlaneCount") or element.get("NumPlanes")
    ifd = element.get("IFD")
    if count is None and ifd is not None:
        count = "1"  # the specification: an IFD alone means that one plane
    first = {axis: int(element.get(f"First{axis}", "0")) for axis in "ZCT"}
    if min(*first.values(), int(ifd or 0), int(count or 0)) < 0:
        raise ValueError("TiffData has a negative number")
    return TiffBlock(
        first["Z"],
        first["C"],
        first["T"],
        int(ifd or "0"),
        None if count is None else int(count),
        None if uuid is None else uuid.get("FileName"),
        None if uuid is None or not uuid.text else uuid.text.strip(),
    )


def _plate(element: ElementTree.Element, numbers: dict[str, int]) -> Plate:
    wells = []
    for well in _children(element, "Well"):
        fields = tuple(
            numbers[_required(reference, "ID")]
            for sample in sorted(_children(well, "WellSample"), key=lambda child: int(child.get("Index", "0")))
            for reference in _children(sample, "ImageRef")
        )
        wells.append(PlateWell(int(_required(well, "Row")), int(_required(well, "Column")), fields))
    rows = max([int(element.get("Rows", "0"))] + [well.row + 1 for well in wells])
    columns = max([int(element.get("Columns", "0"))] + [well.column + 1 for well in wells])
    if max(rows, columns) > _MOST_ROWS or any(min(well.row, well.column) < 0 for well in wells):
        raise ValueError(f"a Plate of {rows} rows and {columns} columns")
    return Plate(
        element.get("Name") or "Plate",
        rows,
        columns,
        tuple(wells),
        element.get("RowNamingConvention", "letter"),
        element.get("ColumnNamingConvention", "number"),
    )


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ElementTree.Element, *names: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if _tag(child) in names)


def _required(element: ElementTree.Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ValueError(f"{_tag(element)} has no {name}")
    return str(value)


def _size(pixels: ElementTree.Element, axis: str) -> int:
    size = int(_required(pixels, f"Size{axis}"))
    if size < 1:
        raise ValueError(f"Size{axis} is {size}")
    return size


def _length(pixels: ElementTree.Element, axis: str) -> float | None:
    """Micrometres; a unit that is no length (`pixel`, `reference frame`) gives None."""
    text, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")
    factor = _MICROMETRES.get(unit)
    return float(text) * factor if text is not None and factor is not None and float(text) > 0 else None


def _nanometres(channel: ElementTree.Element, kind: str) -> float | None:
    text, unit = channel.get(f"{kind}Wavelength"), channel.get(f"{kind}WavelengthUnit", "nm")
    factor = _MICROMETRES.get(unit)
    return round(float(text) * factor * 1e3, 6) if text is not None and factor is not None else None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()) if text else None
    except ValueError:
        return None
