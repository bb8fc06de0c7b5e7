"""omero.api.RenderingEngine: pictures of one image, and the settings they are drawn with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import omero
import omero.api
import omero.model
import omero.romio

from sandbox.omero.calls import Call
from sandbox.omero.channel_rendering import ChannelRendering
from sandbox.omero.drawing import Rectangle, draw_plane, draw_projection
from sandbox.omero.permissions import ANNOTATE
from sandbox.omero.pixel_statistics import find_extremes
from sandbox.omero.records import Record
from sandbox.omero.rendering import (
    DEFAULT_COMPRESSION,
    Family,
    Model,
    Picture,
    Projection,
    encode_jpeg,
    pack,
)
from sandbox.omero.rendering_settings import (
    default_settings,
    find_definition,
    read_settings,
    save_settings,
)
from sandbox.omero.servant import refusal, servant
from sandbox.omero.services.wire import find_record, load_all, load_one, need

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

#: OMERO's numbers of the projection algorithms (omero.constants.projection).
PROJECTIONS = {0: Projection.MAXIMUM, 1: Projection.MEAN, 2: Projection.SUM}


@servant(omero.api.RenderingEngine)
class RenderingEngine(ChannelRendering):
    """Settings are changed in memory until they are saved. `lookupPixels` comes first, then the settings."""

    def __init__(self, server: EmbeddedOmero, session: Session) -> None:
        super().__init__(server, session)
        self._definition: Record | None = None
        self._compression = DEFAULT_COMPRESSION

    # ---- which pixels, which settings

    def lookupPixels(self, pixels_id: int, call: Call) -> None:
        self._choose(pixels_id, call)
        self._settings = self._definition = None

    def lookupRenderingDef(self, pixels_id: int, call: Call) -> bool:
        """Load the settings that count for the user; False where there are none."""
        with self.store.lock:
            found = find_definition(self.store, self._pixels, call.caller)
            if found is None:
                return False
            self._use(found)
            return True

    def loadRenderingDef(self, definition_id: int, call: Call) -> None:
        with self.store.lock:
            found = need(self.store, "RenderingDef", definition_id)
            if not call.caller.visible(found):
                raise omero.SecurityViolation(None, None, f"Cannot read {found}")
            if len(self.store.collection(found, "waveRendering")) != self._shape.size_c:
                raise omero.ValidationException(None, None, f"{found} is for another number of channels")
            self._use(found)

    def _use(self, definition: Record) -> None:
        self._definition, self._settings = definition, read_settings(self.store, definition)

    def load(self, call: Call) -> None:
        """Ready to render. Raises omero.ApiUsageException before settings were looked up."""
        self._current  # noqa: B018 - raises

    def getRenderingDefId(self, call: Call) -> int:
        """The settings' id; -1 for settings that were never saved."""
        self._current  # noqa: B018 - raises
        return -1 if self._definition is None else self._definition.id

    def getPixels(self, call: Call) -> Any:
        paths = ("pixelsType", "dimensionOrder", "image", "channels.statsInfo",
                 "channels.logicalChannel.photometricInterpretation")  # fmt: skip
        with self.store.lock:
            return load_one(call, self._pixels, paths)

    def resetDefaultSettings(self, save: bool, call: Call) -> int:
        """Go back to the defaults; returns the id of the settings, or -1 if they were not saved."""
        self._settings = default_settings(self.store, self._pixels, self._measure)
        if save:
            return self._save(call, self._own_definition(call))
        return -1 if self._definition is None else self._definition.id

    def _measure(self, channel: int) -> tuple[float, float]:
        with self._open() as buffer:
            return find_extremes(buffer, channel)

    def saveCurrentSettings(self, call: Call) -> None:
        """Keep the settings for the user: theirs are changed, or made if they have none."""
        self._save(call, self._own_definition(call))

    def saveAsNewSettings(self, call: Call) -> int:
        return self._save(call, None)

    def _owner(self, call: Call) -> Record:
        """Whose settings are saved: an administrator may name another user in the context `omero.user`."""
        wanted = call.context.get("omero.user")
        if wanted and call.caller.is_admin:
            return need(self.store, "Experimenter", int(wanted))
        return call.caller.user

    def _own_definition(self, call: Call) -> Record | None:
        with self.store.lock:
            owner = self._owner(call)
            own = [found for found in self.store.collection(self._pixels, "settings") if found.owner is owner]
            return own[-1] if own else None

    def _save(self, call: Call, definition: Record | None) -> int:
        with self.store.transaction():
            if call.caller.restrictions(self._pixels)[ANNOTATE]:
                raise omero.SecurityViolation(None, None, f"saving settings of {self._pixels} not allowed")
            self._definition = save_settings(
                self.store, self._pixels, self._current, owner=self._owner(call), group=self._pixels.group,
                event=call.event(), definition=definition,
            )  # fmt: skip
            return self._definition.id

    def updateSettings(self, definition: Any, call: Call) -> None:
        """Take over the settings of a stored RenderingDef."""
        with self.store.lock:
            self._settings = read_settings(self.store, find_record(self.store, definition))

    # ---- pictures

    def renderCompressed(self, plane: Any, call: Call) -> bytes:
        """The plane, or its region, as a JPEG file."""
        return encode_jpeg(self._draw(plane), self._compression)

    def render(self, plane: Any, call: Call) -> Any:
        """The plane as an omero.romio.RGBBuffer: red, green and blue bytes, row by row."""
        picture = self._draw(plane)
        height, width = picture.shape[:2]
        return omero.romio.RGBBuffer([picture[:, :, band].tobytes() for band in range(3)], width, height)

    def renderAsPackedInt(self, plane: Any, call: Call) -> list[int]:
        return pack(self._draw(plane))

    def renderProjectedCompressed(
        self, algorithm: Any, timepoint: int, stepping: int, start: int, end: int, call: Call
    ) -> bytes:
        """The planes from `start` to `end` (both included) projected, as a JPEG file."""
        return encode_jpeg(self._draw_projection(algorithm, timepoint, stepping, start, end), self._compression)

    def renderProjectedAsPackedInt(
        self, algorithm: Any, timepoint: int, stepping: int, start: int, end: int, call: Call
    ) -> list[int]:
        return pack(self._draw_projection(algorithm, timepoint, stepping, start, end))

    def _draw(self, plane: Any) -> Picture:
        if plane.slice != omero.romio.XY:
            raise refusal("rendering of slices other than XY")
        region = plane.region
        part = None if region is None else Rectangle(region.x, region.y, region.width, region.height)
        with self._open() as buffer:
            return draw_plane(buffer, self._current, plane.z, plane.t, self._file_level, part)

    def _draw_projection(self, algorithm: Any, timepoint: int, stepping: int, start: int, end: int) -> Picture:
        number = getattr(algorithm, "value", algorithm)
        if number not in PROJECTIONS:
            raise omero.ApiUsageException(None, None, f"unknown projection algorithm {algorithm}")
        if stepping < 1:
            raise omero.ApiUsageException(None, None, "a projection's stepping starts at 1")
        with self._open() as buffer:
            zs = range(start, end + 1, stepping)
            return draw_projection(buffer, self._current, PROJECTIONS[number], timepoint, zs, self._file_level)

    def setCompressionLevel(self, level: float, call: Call) -> None:
        if not 0 <= level <= 1:
            raise omero.ApiUsageException(None, None, f"the compression level is between 0 and 1, not {level}")
        self._compression = level

    def getCompressionLevel(self, call: Call) -> float:
        return self._compression

    # ---- the whole image's settings

    def getModel(self, call: Call) -> Any:
        return self._enumeration("RenderingModel", self._current.model.value, call)

    def setModel(self, model: Any, call: Call) -> None:
        self._settings = replace(self._current, model=Model(self._value_of(model)))

    def getAvailableModels(self, call: Call) -> list[Any]:
        with self.store.lock:
            return load_all(call, [self.store.enumeration("RenderingModel", model.value) for model in Model])

    def getAvailableFamilies(self, call: Call) -> list[Any]:
        with self.store.lock:
            return load_all(call, [self.store.enumeration("Family", family.value) for family in Family])

    def getDefaultZ(self, call: Call) -> int:
        return self._current.default_z

    def getDefaultT(self, call: Call) -> int:
        return self._current.default_t

    def setDefaultZ(self, z: int, call: Call) -> None:
        self._settings = replace(self._current, default_z=z)

    def setDefaultT(self, t: int, call: Call) -> None:
        self._settings = replace(self._current, default_t=t)

    def getQuantumDef(self, call: Call) -> Any:
        quantum = omero.model.QuantumDefI()
        quantum.setCdStart(omero.rtypes.rint(self._current.codomain_start))
        quantum.setCdEnd(omero.rtypes.rint(self._current.codomain_end))
        quantum.setBitResolution(omero.rtypes.rint(self._current.bit_resolution))
        return quantum

    def setQuantumStrategy(self, bit_resolution: int, call: Call) -> None:
        self._settings = replace(self._current, bit_resolution=bit_resolution)

    def setCodomainInterval(self, start: int, end: int, call: Call) -> None:
        if not 0 <= start < end <= 255:
            raise omero.ApiUsageException(None, None, f"no interval between 0 and 255: {start} to {end}")
        self._settings = replace(self._current, codomain_start=start, codomain_end=end)
