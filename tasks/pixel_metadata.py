"""What OMERO says of an image's pixels, in the units and words of our contracts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from omero.model import LengthI
from omero.model.enums import UnitsLength

from contracts.staging_plan import ImageChannel, ImagePixels
from tasks.input_queries import SeenChannel, SeenImage

#: OMERO's units that are no lengths.
_NO_LENGTHS = frozenset({"PIXEL", "REFERENCEFRAME"})


def describe_pixels(image: SeenImage, channels: Sequence[SeenChannel]) -> ImagePixels:
    """The pixels of an image that has some; channels that OMERO does not describe are there without a name."""
    assert image.pixels is not None  # resolve_inputs refuses images without
    assert image.type is not None
    x, y, z, c, t = image.sizes
    described = [_describe_channel(channel) for channel in channels[:c]]
    size_x, size_y, size_z = (length_in(length, UnitsLength.MICROMETER) for length in image.lengths)
    return ImagePixels(
        pixels=image.pixels,
        type=image.type,
        size_x=x,
        size_y=y,
        size_z=z,
        size_c=c,
        size_t=t,
        physical_size_x=size_x,
        physical_size_y=size_y,
        physical_size_z=size_z,
        acquired=_moment(image.acquired_ms),
        channels=(*described, *[ImageChannel()] * (c - len(described))),
    )


def _describe_channel(channel: SeenChannel) -> ImageChannel:
    red, green, blue, alpha = channel.colour
    colour = None
    if red is not None and green is not None and blue is not None:
        colour = (red, green, blue, 255 if alpha is None else alpha)
    return ImageChannel(
        name=channel.name or None,
        colour=colour,
        emission_nm=length_in(channel.emission, UnitsLength.NANOMETER),
        excitation_nm=length_in(channel.excitation, UnitsLength.NANOMETER),
    )


def length_in(length: Any, unit: UnitsLength) -> float | None:
    """A length as OMERO's projections give it (a map of value and unit), in another unit.

    None for what is no length of a thing: none, not positive, not finite, in pixels or of a reference frame.
    """
    if length is None or length["value"] is None or length["unit"] in _NO_LENGTHS:
        return None
    value = length["value"]
    if length["unit"] != unit.name:
        value = LengthI(LengthI(value, getattr(UnitsLength, length["unit"])), unit).getValue()
    return float(value) if math.isfinite(value) and value > 0 else None


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1e3, UTC)
