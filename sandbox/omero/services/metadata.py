"""omero.api.IMetadata: annotations of objects, tag sets, and how channels and instruments were set."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import omero
import omero.api
from omero.constants.metadata import NSINSIGHTTAGSET
from omero.rtypes import rlong

from sandbox.omero.calls import Call
from sandbox.omero.materialise import Materialiser
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import QueryParameters, find_class, load_all, load_one, need

_ANNOTATION_PATHS = ("details.owner", "details.creationEvent", "details.updateEvent")

#: What a logical channel comes with, as OMERO.server fetches it.
_CHANNEL_PATHS = (
    "photometricInterpretation",
    "illumination",
    "mode",
    "contrastMethod",
    "otf.pixelsType",
    "otf.objective",
    "detectorSettings.binning",
    "detectorSettings.detector.type",
    "detectorSettings.readOutRate",
    "lightSourceSettings.lightSource",
    "lightSourceSettings.microbeamManipulation.type",
    "filterSet.dichroic",
    "filterSet.emissionFilterLink.child.type",
    "filterSet.excitationFilterLink.child.type",
    "lightPath.dichroic",
    "lightPath.emissionFilterLink.child.type",
    "lightPath.excitationFilterLink.child.type",
)

_INSTRUMENT_PATHS = (
    "microscope.type",
    "detector.type",
    "objective.correction",
    "objective.immersion",
    "objective.iris",
    "filter.type",
    "dichroic",
    "filterSet.dichroic",
    "lightSource",
    "otf",
)


@servant(omero.api.IMetadata)
class Metadata(Service):
    # ---- annotations of objects

    def loadAnnotations(
        self,
        type_name: str,
        ids: list[int],
        annotation_types: list[str],
        annotators: list[int],  # noqa: N802
        parameters: Any,
        call: Call,
    ) -> dict[int, list[Any]]:
        """Object id -> its annotations of those types (all, if none is named) by those users (all, if none is)."""
        kinds = {find_class(name).name for name in annotation_types or ()}
        found: dict[int, list[Record]] = {}
        for record in self._records(type_name, ids, call):
            annotations = [link.values["child"] for link in self._links(record, call)]
            found[record.id] = [
                a
                for a in annotations
                if (not kinds or kinds & set(a.model.supertypes))
                and (not annotators or (a.owner is not None and a.owner.id in annotators))
            ]
        return self._answer(found, call)

    def loadSpecifiedAnnotationsLinkedTo(
        self,
        annotation_type: str,
        included: list[str],
        excluded: list[str],  # noqa: N802
        type_name: str,
        ids: list[int],
        parameters: Any,
        call: Call,
    ) -> dict[int, list[Any]]:
        kind = find_class(annotation_type).name
        found = {}
        for record in self._records(type_name, ids, call):
            annotations = [link.values["child"] for link in self._links(record, call)]
            found[record.id] = [
                a for a in annotations if kind in a.model.supertypes and _in_namespaces(a, included, excluded)
            ]
        return self._answer(found, call)

    def loadAnnotation(self, ids: list[int], call: Call) -> list[Any]:  # noqa: N802
        annotations = [a for a in (self.store.get("Annotation", i) for i in ids) if a and call.caller.visible(a)]
        return self._load(annotations, call)

    def loadSpecifiedAnnotations(
        self,
        annotation_type: str,
        included: list[str],
        excluded: list[str],  # noqa: N802
        parameters: Any,
        call: Call,
    ) -> list[Any]:
        return self._load(self._specified(annotation_type, included, excluded, parameters, call), call)

    def countSpecifiedAnnotations(
        self,
        annotation_type: str,
        included: list[str],
        excluded: list[str],  # noqa: N802
        parameters: Any,
        call: Call,
    ) -> Any:
        return rlong(len(self._specified(annotation_type, included, excluded, parameters, call)))

    def loadAnnotationsUsedNotOwned(self, annotation_type: str, user_id: int, call: Call) -> list[Any]:  # noqa: N802
        return self._load(self._used_not_owned(annotation_type, user_id, call), call)

    def countAnnotationsUsedNotOwned(self, annotation_type: str, user_id: int, call: Call) -> Any:  # noqa: N802
        return rlong(len(self._used_not_owned(annotation_type, user_id, call)))

    # ---- tags

    def loadTagSets(self, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """The tag sets with their tags; with the option `orphan` also the tags that are in no set."""
        given = QueryParameters.of(parameters, self.store)
        tags = [t for t in self.store.all("TagAnnotation") if call.caller.visible(t) and given.accepts(t)]
        sets = [tag for tag in tags if tag.values.get("ns") == NSINSIGHTTAGSET]
        chosen = list(sets)
        if given.orphans:
            chosen += [
                tag
                for tag in tags
                if tag not in sets and not self.store.referrers("AnnotationAnnotationLink", "child", tag)
            ]
        return load_all(call, chosen, ["annotationLinks.child", *_ANNOTATION_PATHS])

    def getTaggedObjectsCount(self, ids: list[int], parameters: Any, call: Call) -> dict[int, int]:  # noqa: N802
        counts = {}
        for tag in (need(self.store, "TagAnnotation", tag_id) for tag_id in ids):
            links = [
                link
                for name in (
                    "ProjectAnnotationLink",
                    "DatasetAnnotationLink",
                    "ImageAnnotationLink",
                    "ScreenAnnotationLink",
                    "PlateAnnotationLink",
                    "WellAnnotationLink",
                )
                for link in self.store.referrers(name, "child", tag)
            ]
            counts[tag.id] = sum(1 for link in links if call.caller.visible(link))
        return counts

    # ---- acquisition

    def loadChannelAcquisitionData(self, ids: list[int], call: Call) -> list[Any]:  # noqa: N802
        channels = [need(self.store, "LogicalChannel", channel_id) for channel_id in ids]
        return load_all(call, [c for c in channels if call.caller.visible(c)], _CHANNEL_PATHS)

    def loadInstrument(self, instrument_id: int, call: Call) -> Any:  # noqa: N802
        instrument = self.store.get("Instrument", instrument_id)
        if instrument is None or not call.caller.visible(instrument):
            return None
        return load_one(call, instrument, _INSTRUMENT_PATHS)

    def loadLogFiles(self, type_name: str, ids: list[int], call: Call) -> dict[int, list[Any]]:  # noqa: N802
        """Object id -> import logs; the embedded OMERO keeps none."""
        return {record_id: [] for record_id in ids}

    # ---- inside

    def _records(self, type_name: str, ids: list[int], call: Call) -> list[Record]:
        name = find_class(type_name).name
        return [r for r in (self.store.get(name, i) for i in ids) if r is not None and call.caller.visible(r)]

    def _links(self, record: Record, call: Call) -> list[Record]:
        links = self.store.collection(record, "annotationLinks")
        return [link for link in links if call.caller.visible(link) and call.caller.visible(link.values["child"])]

    def _specified(
        self, annotation_type: str, included: list[str], excluded: list[str], parameters: Any, call: Call
    ) -> list[Record]:
        given = QueryParameters.of(parameters, self.store)
        return given.cut(
            [
                a
                for a in self.store.all(find_class(annotation_type).name)
                if call.caller.visible(a) and given.accepts(a) and _in_namespaces(a, included, excluded)
            ]
        )

    def _used_not_owned(self, annotation_type: str, user_id: int, call: Call) -> list[Record]:
        """Annotations that the user put on something and another user made."""
        used = []
        for annotation in self.store.all(find_class(annotation_type).name):
            if not call.caller.visible(annotation) or annotation.owner is None or annotation.owner.id == user_id:
                continue
            links = [
                link
                for name in (
                    "ImageAnnotationLink",
                    "DatasetAnnotationLink",
                    "ProjectAnnotationLink",
                    "ScreenAnnotationLink",
                    "PlateAnnotationLink",
                )
                for link in self.store.referrers(name, "child", annotation)
            ]
            if any(link.owner is not None and link.owner.id == user_id for link in links):
                used.append(annotation)
        return used

    def _answer(self, found: dict[int, list[Record]], call: Call) -> dict[int, list[Any]]:
        materialiser = Materialiser(self.store, call.caller)
        for members in found.values():
            for annotation in members:
                self._load_annotation(materialiser, annotation)
        return {record_id: [materialiser.ice(a) for a in members] for record_id, members in found.items()}

    def _load(self, annotations: list[Record], call: Call) -> list[Any]:
        materialiser = Materialiser(self.store, call.caller)
        for annotation in annotations:
            self._load_annotation(materialiser, annotation)
        return [materialiser.ice(annotation) for annotation in annotations]

    def _load_annotation(self, materialiser: Materialiser, annotation: Record) -> None:
        materialiser.load(annotation)
        for path in _ANNOTATION_PATHS:
            materialiser.load_path(annotation, path)
        materialiser.load(annotation.values.get("file"))


def _in_namespaces(annotation: Record, included: Collection[str] | None, excluded: Collection[str] | None) -> bool:
    namespace = annotation.values.get("ns")
    return (not included or namespace in included) and (not excluded or namespace not in excluded)
