"""omero.api.ThumbnailStore: small JPEG pictures, drawn from the pixels when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.drawing import draw_thumbnail, thumbnail_size
from sandbox.omero.permissions import ANNOTATE
from sandbox.omero.pixel_statistics import find_extremes
from sandbox.omero.pyramid import find_pixels, open_pixels
from sandbox.omero.records import Record
from sandbox.omero.rendering import RenderingSettings, encode_jpeg
from sandbox.omero.rendering_settings import default_settings, find_definition, read_settings, save_settings
from sandbox.omero.servant import StatefulService, servant
from sandbox.omero.services.wire import need

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

#: Width and height where the client names none, and the largest that is drawn.
DEFAULT_SIZE, LARGEST_SIZE = 48, 4096


@servant(omero.api.ThumbnailStore)
class ThumbnailStore(StatefulService):
    """Pictures are drawn with the settings that count for the user; finished ones are kept in memory."""

    def __init__(self, server: EmbeddedOmero, session: Session) -> None:
        super().__init__(server, session)
        self._chosen: Record | None = None
        self._definition: Record | None = None

    @property
    def _pixels(self) -> Record:
        if self._chosen is None:
            raise omero.ApiUsageException(None, None, "no pixels were chosen yet")
        return self._chosen

    def setPixelsId(self, pixels_id: int, call: Call) -> bool:
        """Whether there are rendering settings for the user."""
        self._chosen = find_pixels(self.server, pixels_id, call)
        with self.store.lock:
            self._definition = find_definition(self.store, self._chosen, call.caller)
        return self._definition is not None

    def setRenderingDefId(self, definition_id: int, call: Call) -> None:
        with self.store.lock:
            found = need(self.store, "RenderingDef", definition_id)
            if not call.caller.visible(found):
                raise omero.SecurityViolation(None, None, f"Cannot read {found}")
            self._definition = found

    def getRenderingDefId(self, call: Call) -> int:
        if self._definition is None:
            raise omero.ApiUsageException(None, None, "there are no rendering settings yet")
        return self._definition.id

    def resetDefaults(self, call: Call) -> None:
        """Give the user default settings, where they may keep any."""
        pixels = self._pixels
        settings = self._defaults(pixels)
        with self.store.transaction():
            if call.caller.restrictions(pixels)[ANNOTATE]:
                return
            wanted = call.context.get("omero.user")
            owner = call.caller.user
            if wanted and call.caller.is_admin:
                owner = need(self.store, "Experimenter", int(wanted))
            own = [found for found in self.store.collection(pixels, "settings") if found.owner is owner]
            self._definition = save_settings(
                self.store, pixels, settings, owner=owner, group=pixels.group, event=call.event(),
                definition=own[-1] if own else None,
            )  # fmt: skip

    def isInProgress(self, call: Call) -> bool:
        """False: a picture is finished when it is answered."""
        return False

    # ---- pictures

    def getThumbnail(self, width: Any, height: Any, call: Call) -> bytes:
        return self._draw(self._pixels, self._definition, width=_number(width), height=_number(height))

    def getThumbnailDirect(self, width: Any, height: Any, call: Call) -> bytes:
        return self.getThumbnail(width, height, call)

    def getThumbnailWithoutDefault(self, width: Any, height: Any, call: Call) -> bytes:
        return self.getThumbnail(width, height, call)

    def getThumbnailForSectionDirect(self, z: int, t: int, width: Any, height: Any, call: Call) -> bytes:
        return self._draw(self._pixels, self._definition, (z, t), width=_number(width), height=_number(height))

    def getThumbnailByLongestSide(self, side: Any, call: Call) -> bytes:
        return self._draw(self._pixels, self._definition, longest=_number(side))

    def getThumbnailByLongestSideDirect(self, side: Any, call: Call) -> bytes:
        return self.getThumbnailByLongestSide(side, call)

    def getThumbnailForSectionByLongestSideDirect(self, z: int, t: int, side: Any, call: Call) -> bytes:
        return self._draw(self._pixels, self._definition, (z, t), longest=_number(side))

    def getThumbnailSet(self, width: Any, height: Any, pixels_ids: list[int], call: Call) -> dict[int, bytes]:
        wide, high = _number(width), _number(height)
        return {
            pixels.id: self._draw(pixels, found, width=wide, height=high)
            for pixels, found in self._readable(pixels_ids, call)
        }

    def getThumbnailByLongestSideSet(self, side: Any, pixels_ids: list[int], call: Call) -> dict[int, bytes]:
        """Pixels id -> picture; pixels that cannot be drawn have an empty one, those not to be seen are left out."""
        pictures = {}
        for pixels, found in self._readable(pixels_ids, call):
            try:
                pictures[pixels.id] = self._draw(pixels, found, longest=_number(side))
            except omero.ResourceError:  # one missing file must not hide a whole dataset's pictures
                pictures[pixels.id] = b""
        return pictures

    def _readable(self, pixels_ids: list[int], call: Call) -> list[tuple[Record, Record | None]]:
        with self.store.lock:
            found = (self.store.get("Pixels", pixels_id) for pixels_id in pixels_ids)
            seen = [pixels for pixels in found if pixels is not None and call.caller.visible(pixels)]
            return [(pixels, find_definition(self.store, pixels, call.caller)) for pixels in seen]

    def createThumbnail(self, width: Any, height: Any, call: Call) -> None:
        self.getThumbnail(width, height, call)

    def createThumbnails(self, call: Call) -> None:
        """Accepted and not used: pictures are drawn when they are asked for."""

    def createThumbnailsByLongestSideSet(self, side: Any, pixels_ids: list[int], call: Call) -> None:
        """Accepted and not used: pictures are drawn when they are asked for."""

    def thumbnailExists(self, width: Any, height: Any, call: Call) -> bool:
        return True

    def _draw(
        self, pixels: Record, definition: Record | None, place: tuple[int, int] | None = None, *,
        width: int = 0, height: int = 0, longest: int = 0,
    ) -> bytes:  # fmt: skip
        with self.store.lock:
            settings = read_settings(self.store, definition) if definition is not None else None
        if settings is None:
            settings = self._defaults(pixels)
        z, t = place if place is not None else (settings.default_z, settings.default_t)

        def make() -> bytes:
            with open_pixels(self.server, pixels) as buffer:
                size = thumbnail_size(buffer, longest) if longest else (width, height)
                return encode_jpeg(draw_thumbnail(buffer, settings, z, t, *size))

        if pixels.values["image"].values.get("fileset") is None:
            return make()  # its pixels can still be written
        return self.server.pixels.thumbnails.get((pixels.id, settings, z, t, width, height, longest), make)

    def _defaults(self, pixels: Record) -> RenderingSettings:
        def measure(channel: int) -> tuple[float, float]:
            with open_pixels(self.server, pixels) as buffer:
                return find_extremes(buffer, channel)

        return default_settings(self.store, pixels, measure)


def _number(size: Any) -> int:
    """A size that a client gave, as a whole number of pixels. Raises omero.ApiUsageException for none that can be."""
    number = DEFAULT_SIZE if size is None else int(size.val)
    if not 1 <= number <= LARGEST_SIZE:
        raise omero.ApiUsageException(None, None, f"a thumbnail's side is 1 to {LARGEST_SIZE} pixels, not {number}")
    return number
