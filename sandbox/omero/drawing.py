"""Pictures of stored images: which planes are read for which settings, at which resolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sandbox.omero.pixels import PixelBuffer, Plane, read_plane
from sandbox.omero.rendering import (
    ChannelSettings,
    Model,
    Picture,
    Projection,
    RenderingSettings,
    draw,
    fit_longest_side,
    project,
    scale,
)


@dataclass(frozen=True)
class Rectangle:
    """Part of a plane, in pixels of the chosen resolution level."""

    x: int
    y: int
    width: int
    height: int


def active_channels(settings: RenderingSettings) -> Iterator[tuple[int, ChannelSettings]]:
    """The channels that are drawn: in greyscale only the first active one."""
    for index, channel in enumerate(settings.channels):
        if channel.active:
            yield index, channel
            if settings.model is Model.GREYSCALE:
                return


def draw_plane(
    buffer: PixelBuffer, settings: RenderingSettings, z: int, t: int, level: int = 0, part: Rectangle | None = None
) -> Picture:
    """The plane, or the part of it that is inside, drawn; shape (height, width, 3). Raises IndexError."""
    buffer.shape.check(z, 0, t)
    width, height = buffer.levels[level]
    if part is None:
        part = Rectangle(0, 0, width, height)
    wide, high = min(part.width, width - part.x), min(part.height, height - part.y)
    planes = (
        (buffer.read(z, index, t, part.x, part.y, wide, high, level), channel)
        for index, channel in active_channels(settings)
    )
    return draw(planes, settings, high, wide)


def draw_projection(
    buffer: PixelBuffer, settings: RenderingSettings, projection: Projection, t: int, zs: range, level: int = 0
) -> Picture:
    """The planes `zs` projected and drawn; shape (height, width, 3). Raises IndexError for a plane not there."""
    if not zs:
        raise IndexError("the projection's start lies behind its end")
    for z in (zs[0], zs[-1]):
        buffer.shape.check(z, 0, t)
    width, height = buffer.levels[level]
    planes = ((_project(buffer, projection, index, t, zs, level), c) for index, c in active_channels(settings))
    return draw(planes, settings, height, width)


def _project(buffer: PixelBuffer, projection: Projection, c: int, t: int, zs: range, level: int) -> Plane:
    result = project([read_plane(buffer, z, c, t, level) for z in zs], projection)
    dtype = buffer.shape.dtype
    if projection is Projection.SUM and dtype.kind in "iu":
        return np.minimum(result, np.iinfo(dtype).max)  # brighter than the type can say is as bright as it can
    return result


def draw_thumbnail(
    buffer: PixelBuffer, settings: RenderingSettings, z: int, t: int, width: int, height: int
) -> Picture:
    """The plane scaled to width x height, read from the smallest resolution that is not smaller than that."""
    z, t = min(z, buffer.shape.size_z - 1), min(t, buffer.shape.size_t - 1)
    level = 0
    for index, (wide, high) in enumerate(buffer.levels):
        if wide >= width and high >= height:
            level = index
    return scale(draw_plane(buffer, settings, z, t, level), width, height)


def thumbnail_size(buffer: PixelBuffer, longest: int) -> tuple[int, int]:
    """Width and height of a thumbnail whose longer side is `longest` pixels."""
    return fit_longest_side(buffer.shape.size_x, buffer.shape.size_y, longest)
