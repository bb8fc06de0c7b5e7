"""From raw planes to colours: window, curve, colour or lookup table, sum of the active channels.

Pure arithmetic on numpy arrays. The rules are OMERO's: each active channel's intensities are mapped from
its window [start, end] to 0..255 by a family of curves, then drawn in the channel's colour (or
lookup table) and summed; in the greyscale model only the first active channel is drawn, in grey.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sandbox.omero.lookup_tables import read_lookup_table

#: A plane of any pixel type, shape (height, width).
Plane = NDArray[Any]
#: A drawn picture: shape (height, width, 3), red, green, blue.
Picture = NDArray[np.uint8]

#: Red, green, blue and alpha, 0 to 255.
Colour = tuple[int, int, int, int]

#: JPEG quality of pictures and of thumbnails where the client does not set one (OMERO's 0.85).
DEFAULT_COMPRESSION = 0.85


class Model(StrEnum):
    """How channels become a picture (OMERO's enumeration RenderingModel)."""

    GREYSCALE = "greyscale"
    RGB = "rgb"


class Family(StrEnum):
    """The curve from intensity to brightness (OMERO's enumeration Family)."""

    LINEAR = "linear"
    POLYNOMIAL = "polynomial"
    EXPONENTIAL = "exponential"
    LOGARITHMIC = "logarithmic"


class Projection(StrEnum):
    """What is taken along z: the values of OMERO's enumeration ProjectionType."""

    MAXIMUM = "maximum"
    MEAN = "mean"
    SUM = "sum"


@dataclass(frozen=True)
class ChannelSettings:
    """How one channel is drawn; `start` and `end` are intensities, drawn black and bright."""

    active: bool
    start: float
    end: float
    colour: Colour
    lookup_table: str = ""
    family: Family = Family.LINEAR
    coefficient: float = 1.0
    noise_reduction: bool = False
    reversed: bool = False


@dataclass(frozen=True)
class RenderingSettings:
    """How an image is drawn: the values of a RenderingDef."""

    model: Model
    channels: tuple[ChannelSettings, ...]
    default_z: int = 0
    default_t: int = 0
    bit_resolution: int = 255
    codomain_start: int = 0
    codomain_end: int = 255
    name: str | None = field(default=None)

    def with_channel(self, index: int, **changes: Any) -> RenderingSettings:
        """The same settings with one channel changed; raises IndexError for a channel that is not there."""
        if not 0 <= index < len(self.channels):
            raise IndexError(f"there is no channel {index} among {len(self.channels)}")
        channels = list(self.channels)
        channels[index] = replace(channels[index], **changes)
        return replace(self, channels=tuple(channels))


def map_to_codomain(plane: Plane, channel: ChannelSettings, start: int = 0, end: int = 255) -> NDArray[np.uint8]:
    """Brightness 0..255 of every pixel, same shape: the channel's window and curve, then reversal.

    An empty window (start = end) is a threshold. NaN is drawn as black.
    """
    if plane.dtype in (np.uint8, np.uint16):
        levels = np.arange(np.iinfo(plane.dtype).max + 1, dtype=np.float32)
        return np.asarray(_curve(levels, channel, start, end)[plane])
    return _curve(plane, channel, start, end)


def _curve(values: Plane, channel: ChannelSettings, start: int, end: int) -> NDArray[np.uint8]:
    width = channel.end - channel.start
    if width == 0:
        share = (values >= channel.end).astype(np.float32)
    else:
        share = np.clip((values.astype(np.float64) - channel.start) / width, 0.0, 1.0)
        share = np.nan_to_num(share, nan=0.0)
    match channel.family:
        case Family.LINEAR:
            pass
        case Family.POLYNOMIAL:
            share = share**channel.coefficient
        case Family.EXPONENTIAL:
            share = np.expm1(share**channel.coefficient) / np.expm1(1.0)
        case Family.LOGARITHMIC:
            if width > 0:
                share = np.log1p(share * width) / np.log1p(width)
    brightness = np.rint(start + share * (end - start))
    if channel.reversed:
        brightness = start + end - brightness
    return np.clip(brightness, 0, 255).astype(np.uint8)


def draw(
    planes: Iterable[tuple[Plane, ChannelSettings]], settings: RenderingSettings, height: int, width: int
) -> Picture:
    """The picture of the given planes (one per active channel, in channel order), shape (height, width, 3)."""
    interval = settings.codomain_start, settings.codomain_end
    if settings.model is Model.GREYSCALE:
        for plane, channel in planes:
            grey = map_to_codomain(plane, channel, *interval)
            return np.stack([grey, grey, grey], axis=2)
        return np.zeros((height, width, 3), np.uint8)
    total = np.zeros((height, width, 3), np.float32)
    for plane, channel in planes:
        total += _colours(channel)[map_to_codomain(plane, channel, *interval)]
    picture: Picture = np.clip(total + 0.5, 0, 255).astype(np.uint8)
    return picture


def _colours(channel: ChannelSettings) -> NDArray[np.float32]:
    """What each brightness 0..255 adds to red, green and blue; shape (256, 3)."""
    table = read_lookup_table(channel.lookup_table) if channel.lookup_table else None
    if table is None:
        share = np.array(channel.colour[:3], np.float32) / np.float32(255)
        table = np.arange(256, dtype=np.float32)[:, None] * share
    opacity = np.float32(channel.colour[3] / 255)
    colours: NDArray[np.float32] = table * opacity
    return colours


def project(planes: Sequence[Plane], projection: Projection) -> Plane:
    """One plane from a z stack (at least one plane); mean and sum are of type float64."""
    if not planes:
        raise ValueError("a projection needs at least one plane")
    match projection:
        case Projection.MAXIMUM:
            result = planes[0]
            for plane in planes[1:]:
                result = np.maximum(result, plane)
            return result
        case Projection.SUM | Projection.MEAN:
            total = np.zeros(planes[0].shape, np.float64)
            for plane in planes:
                total += plane
            return total if projection is Projection.SUM else total / len(planes)


def encode_jpeg(picture: Picture, compression: float = DEFAULT_COMPRESSION) -> bytes:
    """The picture as a JPEG file; `compression` is OMERO's word for quality, from 0 (worst) to 1."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=max(1, min(100, round(compression * 100))))
    return file.getvalue()


def scale(picture: Picture, width: int, height: int) -> Picture:
    """The picture resized to width x height pixels, averaged where it shrinks."""
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def fit_longest_side(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the same ratio and the longer one `side` pixels; neither below 1."""
    longest = max(width, height)
    return max(1, width * side // longest), max(1, height * side // longest)


def pack(picture: Picture) -> list[int]:
    """Row-major pixels as signed 32-bit integers 0xAARRGGBB, alpha 255, as OMERO's clients read them."""
    packed = np.full(picture.shape[:2], 0xFF000000, np.uint32)
    for band, shift in enumerate((16, 8, 0)):
        packed |= picture[:, :, band].astype(np.uint32) << np.uint32(shift)
    return packed.view(np.int32).ravel().tolist()
