"""The Pixels that a service works on, and its resolution levels: what RawPixelsStore and RenderingEngine share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.pixels import (
    LARGEST_PLANE,
    TILE_SIZE,
    PixelBuffer,
    PixelsNotFound,
    PixelsShape,
    ReadOnlyPixels,
    read_shape,
)
from sandbox.omero.records import Record
from sandbox.omero.servant import StatefulService

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session


def find_pixels(server: EmbeddedOmero, pixels_id: int, call: Call) -> Record:
    """The Pixels that the caller may read; the store's lock is taken.

    Raises omero.ValidationException where there are none, omero.SecurityViolation where they are hidden.
    """
    with server.store.lock:
        pixels = server.store.get("Pixels", pixels_id)
        if pixels is None:
            raise omero.ValidationException(None, None, f"Pixels object with id '{pixels_id}' not found")
        if not call.caller.visible(pixels):
            raise omero.SecurityViolation(None, None, f"Cannot read Pixels:{pixels_id}")
        return pixels


@contextmanager
def open_pixels(server: EmbeddedOmero, pixels: Record) -> Iterator[PixelBuffer]:
    """The pixels for the time of a call; what goes wrong with them reaches the client as OMERO's exceptions."""
    try:
        with server.pixels.open(pixels) as buffer:
            yield buffer
    except PixelsNotFound as error:
        raise omero.ResourceError(None, "PixelsNotFound", str(error)) from error
    except ReadOnlyPixels as error:
        raise omero.ApiUsageException(None, "ReadOnlyPixels", str(error)) from error
    except IndexError as error:
        raise omero.ApiUsageException(None, "IndexError", str(error)) from error


class PyramidService(StatefulService):
    """A service that works on one Pixels object at one resolution level at a time.

    For clients, level 0 is the smallest resolution and the last one the full size (`setResolutionLevel`), while
    `getResolutionDescriptions` lists the full size first; both are OMERO's rules.
    """

    def __init__(self, server: EmbeddedOmero, session: Session) -> None:
        super().__init__(server, session)
        self._chosen: Record | None = None
        self._file_level = 0

    def _choose(self, pixels_id: int, call: Call) -> Record:
        self._chosen = find_pixels(self.server, pixels_id, call)
        self._file_level = 0
        return self._chosen

    @property
    def _pixels(self) -> Record:
        if self._chosen is None:
            raise omero.ApiUsageException(None, None, "no pixels were chosen yet")
        return self._chosen

    @property
    def _shape(self) -> PixelsShape:
        with self.store.lock:
            return read_shape(self._pixels)

    @contextmanager
    def _open(self) -> Iterator[PixelBuffer]:
        with open_pixels(self.server, self._pixels) as buffer:
            yield buffer

    # ---- OMERO's PyramidService

    def requiresPixelsPyramid(self, call: Call) -> bool:
        """Whether a plane is too large to be handled as a whole."""
        return self._shape.size_x * self._shape.size_y > LARGEST_PLANE

    def getResolutionLevels(self, call: Call) -> int:
        with self._open() as buffer:
            return len(buffer.levels)

    def getResolutionDescriptions(self, call: Call) -> list[Any]:
        """Width and height of every level, full size first."""
        with self._open() as buffer:
            return [omero.api.ResolutionDescription(width, height) for width, height in buffer.levels]

    def getResolutionLevel(self, call: Call) -> int:
        with self._open() as buffer:
            return len(buffer.levels) - 1 - self._file_level

    def setResolutionLevel(self, level: int, call: Call) -> None:
        """Work at this level from now on; 0 is the smallest. Raises omero.ApiUsageException for an unknown one."""
        with self._open() as buffer:
            if not 0 <= level < len(buffer.levels):
                raise omero.ApiUsageException(
                    None, None, f"there is no resolution level {level}; there are {len(buffer.levels)}"
                )
            self._file_level = len(buffer.levels) - 1 - level

    def getTileSize(self, call: Call) -> list[int]:
        """Width and height of a tile that is read well; at most the level's own size."""
        with self._open() as buffer:
            width, height = buffer.levels[self._file_level]
        return [min(TILE_SIZE, width), min(TILE_SIZE, height)]
