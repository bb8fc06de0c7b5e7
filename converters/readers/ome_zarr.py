"""OME-Zarr, NGFF 0.4 (Zarr version 2) and 0.5 (version 3), with every codec that zarr-python has.

A store is one image (`multiscales`), or several as bioformats2raw lays them out (groups `0`, `1`, ...). Of an image the
full resolution is read. Plates are refused by name; an image's own `labels` are not looked at. A chunk that is not
there is the array's fill value, so the format has it: that a copy of a store is whole has to be known otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from converters.errors import ConverterError, UnknownFormat, UnreadableFile
from converters.image_file import Channel, Colour, ImageFile, Plane, Series

_AXES = ("t", "c", "z", "y", "x")
#: What the metadata may name: nothing outside the store.
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
#: Micrometres of the units that NGFF names.
_UNITS = {"angstrom": 1e-4, "nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "centimeter": 1e4, "meter": 1e6}


def is_store(folder: Path) -> bool:
    """Whether a folder is a group of Zarr version 2 or 3."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zgroup"))


def open_store(folder: Path) -> ImageFile:
    """Open a store; pixels are read lazily, metadata at once.

    Raises:
        UnknownFormat: it holds no image, or a plate.
        UnreadableFile: its metadata are damaged.
    """
    with _reading(folder):
        group = zarr.open_group(folder, mode="r")
        attributes = _ngff(group)
        if "plate" in attributes:
            raise UnknownFormat(folder, "it is an OME-Zarr plate, of which images are not read here")
        groups = [("", group)] if "multiscales" in attributes else _layout(group)
        if not groups:
            raise UnknownFormat(folder, "it is a Zarr store without an image (no `multiscales`)")
        series = [_series(folder, number, name, part) for number, (name, part) in enumerate(groups)]
    files = tuple(sorted(file for file in folder.rglob("*") if file.is_file()))
    return ImageFile(folder, "OME-Zarr", series, files=files, close=lambda: None)


def is_plate(folder: Path) -> bool:
    """Whether a folder is an OME-Zarr plate.

    Raises:
        UnreadableFile: its metadata are damaged.
    """
    with _reading(folder):
        return is_store(folder) and "plate" in _ngff(zarr.open_group(folder, mode="r"))


def image_groups(folder: Path) -> tuple[str, ...]:
    """The groups of a store that are images, by their paths in it: the store itself (the empty path), or several.

    Raises:
        UnreadableFile: its metadata are damaged.
    """
    with _reading(folder):
        group = zarr.open_group(folder, mode="r")
        return ("",) if "multiscales" in _ngff(group) else tuple(name for name, _ in _layout(group))


def _layout(group: zarr.Group) -> list[tuple[str, zarr.Group]]:
    """Groups `0`, `1`, ... that are images, in the sequence of their numbers."""
    numbered = sorted((int(name), part) for name, part in group.groups() if name.isdecimal())
    return [(str(number), part) for number, part in numbered if "multiscales" in _ngff(part)]


def _ngff(group: zarr.Group) -> Mapping[str, Any]:
    """NGFF's own attributes: 0.5 has them below `ome`."""
    attributes = group.attrs.asdict()
    below = attributes.get("ome")
    return below if isinstance(below, Mapping) else attributes


def _series(folder: Path, number: int, name: str, group: zarr.Group) -> Series:
    attributes = _ngff(group)
    multiscale = attributes["multiscales"][0]
    dataset = multiscale["datasets"][0]
    array = _array(folder, group, dataset["path"])
    axes = _axes(folder, multiscale, array.ndim)
    sizes = dict(zip(axes, array.shape, strict=True))
    t, c, z, y, x = (int(sizes.get(axis, 1)) for axis in _AXES)
    if not all((t, c, z, y, x)):
        raise UnreadableFile(folder, f"its image has no pixels: {array.shape}")
    scale = dict(zip(axes, _scale(multiscale, dataset, array.ndim), strict=True))
    units = {axis["name"]: axis.get("unit") for axis in multiscale.get("axes", ()) if isinstance(axis, Mapping)}
    physical = {axis: _micrometres(scale[axis], units.get(axis)) for axis in axes}
    return Series(
        number,
        str(multiscale.get("name") or name or folder.name),
        x,
        y,
        z,
        c,
        t,
        array.dtype.newbyteorder("="),
        _channels(attributes, c),
        ((x, y),),
        _ZarrPixels(folder, array, axes),
        physical.get("x"),
        physical.get("y"),
        physical.get("z"),
    )


def _array(folder: Path, group: zarr.Group, path: str) -> zarr.Array[Any]:
    if not _PATH.fullmatch(path) or ".." in path.split("/"):
        raise UnreadableFile(folder, f"its metadata name {path[:80]!r}, which is no path inside it")
    array = group[path]
    if not isinstance(array, zarr.Array) or array.dtype.kind not in "biuf":
        raise UnreadableFile(folder, f"{path!r} in it is no array of numbers")
    return array


def _axes(folder: Path, multiscale: Mapping[str, Any], dimensions: int) -> tuple[str, ...]:
    """The axes' names; versions before 0.3 have five that are not named."""
    named = multiscale.get("axes", _AXES)
    axes = tuple(str(axis["name"] if isinstance(axis, Mapping) else axis) for axis in named)
    if len(axes) != dimensions or axes != tuple(axis for axis in _AXES if axis in axes) or axes[-2:] != ("y", "x"):
        raise UnknownFormat(
            folder, f"its axes are {', '.join(axes)}; read are t, c, z, y, x in this sequence, y and x at least"
        )
    return axes


def _scale(multiscale: Mapping[str, Any], dataset: Mapping[str, Any], dimensions: int) -> Sequence[float]:
    scale = [1.0] * dimensions
    for place in (dataset, multiscale):
        for step in place.get("coordinateTransformations", ()):
            if step.get("type") == "scale" and len(step.get("scale", ())) == dimensions:
                scale = [one * float(factor) for one, factor in zip(scale, step["scale"], strict=True)]
    return scale


def _micrometres(scale: float, unit: str | None) -> float | None:
    if unit not in _UNITS or not np.isfinite(scale) or scale <= 0:
        return None
    return scale * _UNITS[unit]


def _channels(attributes: Mapping[str, Any], count: int) -> tuple[Channel, ...]:
    """Names and colours, where the transitional `omero` metadata tell them of every channel."""
    told = attributes.get("omero", {}).get("channels", ())
    if len(told) != count:
        return (Channel(),) * count
    return tuple(Channel(one.get("label"), _colour(one.get("color"))) for one in told)


def _colour(text: str | None) -> Colour | None:
    if text is None or not re.fullmatch(r"[0-9A-Fa-f]{6}", text):
        return None
    red, green, blue = bytes.fromhex(text)
    return red, green, blue, 255


@dataclass(frozen=True)
class _ZarrPixels:
    folder: Path
    array: zarr.Array[Any]
    axes: tuple[str, ...]

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        place: dict[str, int | slice] = {"t": t, "c": c, "z": z, "y": slice(y, y + height), "x": slice(x, x + width)}
        with _reading(self.folder):
            pixels = np.asarray(self.array[tuple(place[axis] for axis in self.axes)])
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """zarr-python and its codecs raise whatever a damaged store makes them stumble over."""
    try:
        yield
    except ConverterError:
        raise
    except Exception as error:
        raise UnreadableFile(folder, f"it is damaged: {type(error).__name__}: {str(error)[:300]}") from error
