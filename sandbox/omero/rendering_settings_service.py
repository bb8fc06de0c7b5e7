"""omero.api.IRenderingSettings: settings of many images at once, back to the defaults or copied from one image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.permissions import ANNOTATE
from sandbox.omero.pixel_statistics import find_extremes
from sandbox.omero.pixels import read_shape
from sandbox.omero.pixels_service import SETTINGS_PATHS
from sandbox.omero.pyramid import find_pixels, open_pixels
from sandbox.omero.records import Record
from sandbox.omero.rendering import RenderingSettings
from sandbox.omero.rendering_settings import default_settings, find_definition, read_settings, save_settings
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import find_class, find_record, load_one, need

#: From a container down to its images, as (link or member class, its reference to the container, the way down).
_DOWN: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Project": (("ProjectDatasetLink", "parent", "child"),),
    "Dataset": (("DatasetImageLink", "parent", "child"),),
    "Screen": (("ScreenPlateLink", "parent", "child"),),
    "Plate": (("Well", "plate", ""),),
    "PlateAcquisition": (("WellSample", "plateAcquisition", "image"),),
    "Well": (("WellSample", "well", "image"),),
}


@servant(omero.api.IRenderingSettings)
class RenderingSettingsService(Service):
    """Settings are the caller's own. Images that cannot take them are named in the answer, not skipped in silence."""

    transactional = False

    def getRenderingSettings(self, pixels_id: int, call: Call) -> Any:
        with self.store.lock:
            pixels = find_pixels(self.server, pixels_id, call)
            return load_one(call, find_definition(self.store, pixels, call.caller), SETTINGS_PATHS)

    def sanityCheckPixels(self, source: Any, target: Any, call: Call) -> bool:
        """Whether settings of one Pixels make sense for the other: same type, same number of channels."""
        with self.store.lock:
            return self._match(find_record(self.store, source), find_record(self.store, target))

    @staticmethod
    def _match(source: Record, target: Record) -> bool:
        one, other = read_shape(source), read_shape(target)
        return one.dtype == other.dtype and one.size_c == other.size_c

    # ---- back to the defaults

    def resetDefaultsInImage(self, image_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Image", [image_id], call)

    def resetDefaultsForPixels(self, pixels_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Pixels", [pixels_id], call)

    def resetDefaultsInDataset(self, dataset_id: int, call: Call) -> list[int]:
        return self.resetDefaultsInSet("Dataset", [dataset_id], call)

    def resetDefaultsInSet(self, type_name: str, ids: list[int], call: Call) -> list[int]:
        """Returns the ids of the images that have default settings now."""
        done = []
        for pixels in self._pixels_of(type_name, ids, call):
            settings = self._defaults(pixels)
            if self._save(pixels, settings, call):
                done.append(pixels.values["image"].id)
        return done

    def resetDefaultsByOwnerInSet(self, type_name: str, ids: list[int], call: Call) -> list[int]:
        """As the image's owner sees it: their settings become the caller's."""
        done = []
        for pixels in self._pixels_of(type_name, ids, call):
            with self.store.lock:
                found = find_definition(self.store, pixels, call.caller, pixels.owner)
                settings = read_settings(self.store, found) if found is not None else None
            if settings is not None and self._save(pixels, settings, call):
                done.append(pixels.values["image"].id)
        return done

    def resetMinMaxInSet(self, type_name: str, ids: list[int], call: Call) -> list[int]:
        """Only the windows go back to the channels' extremes."""
        done = []
        for pixels in self._pixels_of(type_name, ids, call):
            defaults = self._defaults(pixels)
            with self.store.lock:
                found = find_definition(self.store, pixels, call.caller)
                settings = read_settings(self.store, found) if found is not None else defaults
            for index, channel in enumerate(defaults.channels):
                settings = settings.with_channel(index, start=channel.start, end=channel.end)
            if self._save(pixels, settings, call):
                done.append(pixels.values["image"].id)
        return done

    def setOriginalSettingsInSet(self, type_name: str, ids: list[int], call: Call) -> list[int]:
        return self.resetDefaultsInSet(type_name, ids, call)

    def setOriginalSettingsInImage(self, image_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Image", [image_id], call)

    def setOriginalSettingsForPixels(self, pixels_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Pixels", [pixels_id], call)

    def setOriginalSettingsInDataset(self, dataset_id: int, call: Call) -> list[int]:
        return self.resetDefaultsInSet("Dataset", [dataset_id], call)

    # ---- copying

    def applySettingsToSet(self, source: int, type_name: str, ids: list[int], call: Call) -> dict[bool, list[int]]:
        """True -> the images that have the source's settings now, False -> those that cannot take them."""
        with self.store.lock:
            from_pixels = find_pixels(self.server, source, call)
            found = find_definition(self.store, from_pixels, call.caller)
            if found is None:
                raise omero.ApiUsageException(None, None, f"{from_pixels} has no rendering settings")
            settings = read_settings(self.store, found)
        answer: dict[bool, list[int]] = {True: [], False: []}
        for pixels in self._pixels_of(type_name, ids, call):
            with self.store.lock:
                matches, shape = self._match(from_pixels, pixels), read_shape(pixels)
            fitted = replace(
                settings,
                default_z=min(settings.default_z, shape.size_z - 1),
                default_t=min(settings.default_t, shape.size_t - 1),
            )
            applied = matches and self._save(pixels, fitted, call)
            answer[applied].append(pixels.values["image"].id)
        return answer

    def applySettingsToProject(self, source: int, target: int, call: Call) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source, "Project", [target], call)

    def applySettingsToDataset(self, source: int, target: int, call: Call) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source, "Dataset", [target], call)

    def applySettingsToImages(self, source: int, targets: list[int], call: Call) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source, "Image", targets, call)

    def applySettingsToImage(self, source: int, target: int, call: Call) -> bool:
        return bool(self.applySettingsToSet(source, "Image", [target], call)[True])

    def applySettingsToPixels(self, source: int, target: int, call: Call) -> bool:
        return bool(self.applySettingsToSet(source, "Pixels", [target], call)[True])

    # ---- inside

    def _pixels_of(self, type_name: str, ids: Iterable[int], call: Call) -> list[Record]:
        """Every visible Pixels below the containers, each once."""
        name = find_class(type_name).name
        found: dict[Record, None] = {}
        with self.store.lock:
            for record_id in ids:
                for pixels in self._below(need(self.store, name, record_id)):
                    if call.caller.visible(pixels):
                        found[pixels] = None
        return list(found)

    def _below(self, record: Record) -> list[Record]:
        if record.model.name == "Pixels":
            return [record]
        if record.model.name == "Image":
            return self.store.collection(record, "pixels")[:1]
        steps = _DOWN.get(record.model.name)
        if steps is None:
            raise omero.ApiUsageException(None, None, f"a {record.model.name} holds no images")
        found = []
        for member_class, reference, way in steps:
            for member in self.store.referrers(member_class, reference, record):
                below = member.values.get(way) if way else member
                if below is not None:
                    found.extend(self._below(below))
        return found

    def _defaults(self, pixels: Record) -> RenderingSettings:
        def measure(channel: int) -> tuple[float, float]:
            with open_pixels(self.server, pixels) as buffer:
                return find_extremes(buffer, channel)

        return default_settings(self.store, pixels, measure)

    def _save(self, pixels: Record, settings: RenderingSettings, call: Call) -> bool:
        """Whether the caller may keep settings of these pixels; they are kept then."""
        with self.store.transaction():
            if call.caller.restrictions(pixels)[ANNOTATE]:
                return False
            own = [d for d in self.store.collection(pixels, "settings") if d.owner is call.caller.user]
            save_settings(
                self.store, pixels, settings, owner=call.caller.user, group=pixels.group, event=call.event(),
                definition=own[-1] if own else None,
            )  # fmt: skip
            return True
