"""The part of omero.api.RenderingEngine that is about single channels: windows, curves, colours, reversal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import omero
import omero.model
import omero.romio

from sandbox.omero.calls import Call
from sandbox.omero.lookup_tables import list_lookup_tables
from sandbox.omero.pyramid import PyramidService
from sandbox.omero.rendering import ChannelSettings, Family, RenderingSettings
from sandbox.omero.rendering_settings import type_range
from sandbox.omero.servant import refusal
from sandbox.omero.services.wire import find_record, load_one

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session


class ChannelRendering(PyramidService):
    """The settings in use, and what clients ask and change of each channel. Channels are counted from 0."""

    def __init__(self, server: EmbeddedOmero, session: Session) -> None:
        super().__init__(server, session)
        self._settings: RenderingSettings | None = None

    @property
    def _current(self) -> RenderingSettings:
        if self._settings is None:
            raise omero.ApiUsageException(None, None, "RenderingEngine not ready: no rendering settings were loaded")
        return self._settings

    def _channel(self, index: int) -> ChannelSettings:
        channels = self._current.channels
        if not 0 <= index < len(channels):
            raise omero.ApiUsageException(None, None, f"there is no channel {index} among {len(channels)}")
        return channels[index]

    def _change(self, index: int, **changes: Any) -> None:
        self._channel(index)
        self._settings = self._current.with_channel(index, **changes)

    def _enumeration(self, kind: str, value: str, call: Call) -> Any:
        with self.store.lock:
            return load_one(call, self.store.enumeration(kind, value))

    def _value_of(self, enumeration: Any) -> str:
        """The value of an enumeration object as a client sent it, loaded or not."""
        if enumeration.isLoaded() and enumeration.value is not None:
            return str(enumeration.value.val)
        with self.store.lock:
            return str(find_record(self.store, enumeration).values["value"])

    # ---- for clients

    def isActive(self, index: int, call: Call) -> bool:
        return self._channel(index).active

    def setActive(self, index: int, active: bool, call: Call) -> None:
        self._change(index, active=active)

    def getChannelWindowStart(self, index: int, call: Call) -> float:
        return self._channel(index).start

    def getChannelWindowEnd(self, index: int, call: Call) -> float:
        return self._channel(index).end

    def setChannelWindow(self, index: int, start: float, end: float, call: Call) -> None:
        self._change(index, start=start, end=end)

    def getRGBA(self, index: int, call: Call) -> list[int]:
        return list(self._channel(index).colour)

    def setRGBA(self, index: int, red: int, green: int, blue: int, alpha: int, call: Call) -> None:
        if any(not 0 <= part <= 255 for part in (red, green, blue, alpha)):
            raise omero.ApiUsageException(None, None, "parts of a colour are between 0 and 255")
        self._change(index, colour=(red, green, blue, alpha))

    def getChannelLookupTable(self, index: int, call: Call) -> str:
        return self._channel(index).lookup_table

    def setChannelLookupTable(self, index: int, name: str, call: Call) -> None:
        """Draw with the table; none ('' or null) draws the colour. An unknown name is ignored, as by OMERO.server."""
        if not name or name in list_lookup_tables():
            self._change(index, lookup_table=name or "")

    def setQuantizationMap(
        self, index: int, family: Any, coefficient: float, noise_reduction: bool, call: Call
    ) -> None:
        self._change(
            index, family=Family(self._value_of(family)), coefficient=coefficient, noise_reduction=noise_reduction
        )

    def getChannelFamily(self, index: int, call: Call) -> Any:
        return self._enumeration("Family", self._channel(index).family.value, call)

    def getChannelCurveCoefficient(self, index: int, call: Call) -> float:
        return self._channel(index).coefficient

    def getChannelNoiseReduction(self, index: int, call: Call) -> bool:
        return self._channel(index).noise_reduction

    def getChannelStats(self, index: int, call: Call) -> list[float]:
        return list(type_range(self._shape))

    def isPixelsTypeSigned(self, call: Call) -> bool:
        return self._shape.dtype.kind != "u"

    def getPixelsTypeLowerBound(self, index: int, call: Call) -> float:
        return type_range(self._shape)[0]

    def getPixelsTypeUpperBound(self, index: int, call: Call) -> float:
        return type_range(self._shape)[1]

    # ---- maps after the colour scale: reversal is the only one there is

    def getCodomainMapContext(self, index: int, call: Call) -> list[Any]:
        if not self._channel(index).reversed:
            return []
        context = omero.model.ReverseIntensityContextI()
        context.setReverse(omero.rtypes.rbool(True))
        return [context]

    def addCodomainMapToChannel(self, context: Any, index: int, call: Call) -> None:
        self._change(index, reversed=self._is_reversal(context))

    def removeCodomainMapFromChannel(self, context: Any, index: int, call: Call) -> None:
        self._is_reversal(context)
        self._change(index, reversed=False)

    def addCodomainMap(self, context: Any, call: Call) -> None:
        self._for_all_channels(lambda index: self.addCodomainMapToChannel(context, index, call))

    def updateCodomainMap(self, context: Any, call: Call) -> None:
        self.addCodomainMap(context, call)

    def removeCodomainMap(self, context: Any, call: Call) -> None:
        self._for_all_channels(lambda index: self.removeCodomainMapFromChannel(context, index, call))

    def _for_all_channels(self, change: Callable[[int], None]) -> None:
        for index in range(len(self._current.channels)):
            change(index)

    @staticmethod
    def _is_reversal(context: Any) -> bool:
        if not isinstance(context, omero.romio.ReverseIntensityMapContext):
            raise refusal(f"the codomain map {type(context).__name__}")
        return True
