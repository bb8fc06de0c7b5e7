"""omero.api.IPixels: descriptions of pixels, new images for clients that write pixels, stored rendering settings."""

from __future__ import annotations

from typing import Any

import omero
import omero.api
from omero.rtypes import rlong

from sandbox.omero.calls import Call
from sandbox.omero.permissions import EDIT
from sandbox.omero.pixels import PIXEL_TYPES
from sandbox.omero.pyramid import find_pixels
from sandbox.omero.records import Record
from sandbox.omero.rendering_settings import choose_colour, find_definition, list_definitions
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.saving import Saver
from sandbox.omero.services.wire import find_class, find_record, load_all, load_one, need

#: What a RenderingDef comes with when a client asks for one.
SETTINGS_PATHS = (
    "quantization", "model", "pixels", "details.owner", "details.group", "waveRendering.family",
    "waveRendering.spatialDomainEnhancement",
)  # fmt: skip
#: What Pixels come with.
PIXELS_PATHS = (
    "image", "pixelsType", "dimensionOrder", "channels.statsInfo", "channels.logicalChannel.photometricInterpretation",
)  # fmt: skip


@servant(omero.api.IPixels)
class PixelsService(Service):
    """New images belong to the caller and the call's group; their pixels come through RawPixelsStore."""

    # ---- descriptions

    def retrievePixDescription(self, pixels_id: int, call: Call) -> Any:
        return load_one(call, find_pixels(self.server, pixels_id, call), PIXELS_PATHS)

    def getBitDepth(self, pixels_type: Any, call: Call) -> int:
        name = find_record(self.store, pixels_type).values["value"] if pixels_type.value is None else (
            pixels_type.value.val
        )  # fmt: skip
        if name not in PIXEL_TYPES:
            raise omero.ApiUsageException(None, None, f"unknown pixel type {name}")
        return PIXEL_TYPES[name].itemsize * 8

    def getEnumeration(self, class_name: str, value: str, call: Call) -> Any:
        found = self.store.find(self._enumeration(class_name), value=value)
        return load_one(call, found[0]) if found else None

    def getAllEnumerations(self, class_name: str, call: Call) -> list[Any]:
        return load_all(call, self.store.all(self._enumeration(class_name)))

    @staticmethod
    def _enumeration(class_name: str) -> str:
        model = find_class(class_name)
        if not model.is_enumeration:
            raise omero.ApiUsageException(None, None, f"{class_name} is not an enumeration")
        return model.name

    # ---- rendering settings

    def retrieveRndSettings(self, pixels_id: int, call: Call) -> Any:
        """The settings that count for the caller; None where there are none."""
        pixels = find_pixels(self.server, pixels_id, call)
        return load_one(call, find_definition(self.store, pixels, call.caller), SETTINGS_PATHS)

    def retrieveRndSettingsFor(self, pixels_id: int, user_id: int, call: Call) -> Any:
        """The latest settings that the user saved; None where there are none."""
        found = self._settings_of(pixels_id, user_id, call)
        return load_one(call, found[-1], SETTINGS_PATHS) if found else None

    def retrieveAllRndSettings(self, pixels_id: int, user_id: int, call: Call) -> list[Any]:
        """Every user's settings, or one user's where `user_id` is not negative."""
        return load_all(call, self._settings_of(pixels_id, user_id, call), SETTINGS_PATHS)

    def _settings_of(self, pixels_id: int, user_id: int, call: Call) -> list[Record]:
        pixels = find_pixels(self.server, pixels_id, call)
        found = list_definitions(self.store, pixels, call.caller)
        return found if user_id < 0 else [d for d in found if d.owner is not None and d.owner.id == user_id]

    def loadRndSettings(self, definition_id: int, call: Call) -> Any:
        found = need(self.store, "RenderingDef", definition_id)
        if not call.caller.visible(found):
            raise omero.SecurityViolation(None, None, f"Cannot read {found}")
        return load_one(call, found, SETTINGS_PATHS)

    def saveRndSettings(self, definition: Any, call: Call) -> None:
        Saver(call).save(definition)

    # ---- new images

    def createImage(
        self, size_x: int, size_y: int, size_z: int, size_t: int, channels: list[int], pixels_type: Any, name: str,
        description: str, call: Call,
    ) -> Any:  # fmt: skip
        """A new image without pixels yet; returns its id. `channels` are emission wavelengths, one a channel."""
        self._refuse_no_pixels(size_x, size_y, size_z, size_t, len(channels))
        type_record = find_record(self.store, pixels_type) if pixels_type.id is not None else (
            self.store.enumeration("PixelsType", pixels_type.value.val)
        )  # fmt: skip
        details: dict[str, Any] = {"owner": call.caller.user, "group": call.group, "event": call.event()}
        image = self.store.create(
            "Image", **details, name=name, description=description, series=0, archived=False, partial=False,
            acquisitionDate=call.event().values["time"],
        )  # fmt: skip
        pixels = self.store.create(
            "Pixels", **details, image=image, pixelsType=type_record, sha1="Pending...",
            dimensionOrder=self.store.enumeration("DimensionOrder", "XYZCT"),
            significantBits=PIXEL_TYPES[type_record.values["value"]].itemsize * 8,
            sizeX=size_x, sizeY=size_y, sizeZ=size_z, sizeC=len(channels), sizeT=size_t,
        )  # fmt: skip
        for index in range(len(channels)):
            red, green, blue, alpha = choose_colour(index, len(channels), None)
            logical = self.store.create("LogicalChannel", **details)
            self.store.create(
                "Channel", **details, pixels=pixels, logicalChannel=logical, red=red, green=green, blue=blue,
                alpha=alpha,
            )  # fmt: skip
        return rlong(image.id)

    @staticmethod
    def _refuse_no_pixels(*sizes: int) -> None:
        if any(size < 1 for size in sizes):
            raise omero.ApiUsageException(None, None, f"an image of the sizes {sizes} has no pixels")

    def setChannelGlobalMinMax(self, pixels_id: int, index: int, smallest: float, largest: float, call: Call) -> None:
        pixels = find_pixels(self.server, pixels_id, call)
        self._refuse_change(pixels, call)
        channels = self.store.collection(pixels, "channels")
        if not 0 <= index < len(channels):
            raise omero.ApiUsageException(None, None, f"there is no channel {index} among {len(channels)}")
        details: dict[str, Any] = {"owner": pixels.owner, "group": pixels.group, "event": call.event()}
        statistics = channels[index].values.get("statsInfo") or self.store.create("StatsInfo", **details)
        self.store.assign(statistics, "globalMin", smallest)
        self.store.assign(statistics, "globalMax", largest)
        self.store.assign(channels[index], "statsInfo", statistics)

    def _refuse_change(self, record: Record, call: Call) -> None:
        if call.caller.restrictions(record)[EDIT]:
            raise omero.SecurityViolation(None, None, f"Cannot edit {record}")

    # ---- images like others

    def copyAndResizeImage(
        self, image_id: int, size_x: Any, size_y: Any, size_z: Any, size_t: Any, channels: list[int],
        methodology: str, copy_statistics: bool, call: Call,
    ) -> Any:  # fmt: skip
        """A new image with another's metadata and other sizes, without its pixels; returns its id.

        A size of None is the original's; `channels` are the original's channels that are kept, None means all.
        """
        image = need(self.store, "Image", image_id)
        if not call.caller.visible(image):
            raise omero.SecurityViolation(None, None, f"Cannot read {image}")
        details: dict[str, Any] = {"owner": call.caller.user, "group": call.group, "event": call.event()}
        kept = ("name", "description", "acquisitionDate", "objectiveSettings", "imagingEnvironment", "stageLabel",
                "instrument", "experiment", "format")  # fmt: skip
        values = {name: image.values.get(name) for name in kept}
        copy = self.store.create("Image", **details, series=0, archived=False, partial=False, **values)
        for pixels in self.store.collection(image, "pixels"):
            self._copy_pixels(pixels, copy, (size_x, size_y, size_z, size_t), channels, methodology, copy_statistics,
                              details)  # fmt: skip
        return rlong(copy.id)

    def copyAndResizePixels(
        self, pixels_id: int, size_x: Any, size_y: Any, size_z: Any, size_t: Any, channels: list[int],
        methodology: str, copy_statistics: bool, call: Call,
    ) -> Any:  # fmt: skip
        """New Pixels of the same image with other sizes; returns their id."""
        pixels = find_pixels(self.server, pixels_id, call)
        self._refuse_change(pixels, call)
        details: dict[str, Any] = {"owner": call.caller.user, "group": call.group, "event": call.event()}
        copy = self._copy_pixels(
            pixels, pixels.values["image"], (size_x, size_y, size_z, size_t), channels, methodology, copy_statistics,
            details,
        )  # fmt: skip
        return rlong(copy.id)

    def _copy_pixels(
        self, pixels: Record, image: Record, sizes: tuple[Any, ...], channels: list[int] | None,
        methodology: str | None, copy_statistics: bool, details: dict[str, Any],
    ) -> Record:  # fmt: skip
        originals = self.store.collection(pixels, "channels")
        wanted = range(len(originals)) if channels is None else channels
        if any(not 0 <= index < len(originals) for index in wanted):
            raise omero.ApiUsageException(None, None, f"the channels {channels} are not among {len(originals)}")
        resized = {
            f"size{axis}": pixels.values[f"size{axis}"] if size is None else size.val
            for axis, size in zip("XYZT", sizes, strict=True)
        }
        self._refuse_no_pixels(*resized.values(), len(wanted))
        kept = ("pixelsType", "dimensionOrder", "significantBits", "physicalSizeX", "physicalSizeY", "physicalSizeZ",
                "timeIncrement", "waveStart", "waveIncrement")  # fmt: skip
        copy = self.store.create(
            "Pixels", **details, image=image, sha1="Pending...", sizeC=len(wanted), relatedTo=pixels,
            methodology=methodology, **resized, **{name: pixels.values.get(name) for name in kept},
        )  # fmt: skip
        for index in wanted:
            self._copy_channel(originals[index], copy, copy_statistics, details)
        return copy

    def _copy_channel(self, channel: Record, pixels: Record, copy_statistics: bool, details: dict[str, Any]) -> None:
        logical, statistics = channel.values["logicalChannel"], channel.values.get("statsInfo")
        logical_copy = self.store.create("LogicalChannel", **details, **logical.values)
        statistics_copy = None
        if copy_statistics and statistics is not None:
            statistics_copy = self.store.create("StatsInfo", **details, **statistics.values)
        colours = {name: channel.values.get(name) for name in ("red", "green", "blue", "alpha", "lookupTable")}
        self.store.create(
            "Channel", **details, pixels=pixels, logicalChannel=logical_copy, statsInfo=statistics_copy, **colours
        )
