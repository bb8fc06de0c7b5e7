"""omero.api.IRoi: the regions of interest of an image."""

from __future__ import annotations

from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import load_all, need


@servant(omero.api.IRoi)
class Roi(Service):
    """Finding ROIs; pixel statistics of shapes are refused by name."""

    def findByRoi(self, roi_id: int, options: Any, call: Call) -> Any:  # noqa: N802
        roi = need(self.store, "Roi", roi_id)
        return self._result([roi] if call.caller.visible(roi) else [], options, call)

    def findByImage(self, image_id: int, options: Any, call: Call) -> Any:  # noqa: N802
        return self._result(self._rois_of(image_id, options, call), options, call)

    def findByPlane(self, image_id: int, z: int, t: int, options: Any, call: Call) -> Any:  # noqa: N802
        """ROIs with a shape on the plane; a shape without z or t is on every plane."""
        on_plane = [
            roi
            for roi in self._rois_of(image_id, options, call)
            if any(
                shape.values.get("theZ") in (None, z) and shape.values.get("theT") in (None, t)
                for shape in self.store.collection(roi, "shapes")
            )
        ]
        return self._result(on_plane, options, call)

    def getRoiMeasurements(self, image_id: int, options: Any, call: Call) -> list[Any]:  # noqa: N802
        """None: measurements come from analysis services that the embedded OMERO does not have."""
        return []

    def _rois_of(self, image_id: int, options: Any, call: Call) -> list[Record]:
        image = self.store.get("Image", image_id)
        if image is None:
            return []
        rois = [roi for roi in self.store.collection(image, "rois") if call.caller.visible(roi)]
        owner = options.userId.val if options is not None and options.userId is not None else None
        return rois if owner is None else [roi for roi in rois if roi.owner is not None and roi.owner.id == owner]

    def _result(self, rois: list[Record], options: Any, call: Call) -> Any:
        loaded = load_all(call, rois, ["shapes", "details.owner"])
        by_z: dict[int, list[Any]] = {}
        by_t: dict[int, list[Any]] = {}
        return omero.api.RoiResult(opts=options, rois=loaded, byZ=by_z, byT=by_t)
