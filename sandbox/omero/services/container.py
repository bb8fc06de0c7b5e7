"""omero.api.IContainer: projects, datasets, screens and plates with what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.model import FieldKind
from sandbox.omero.permissions import DELETE
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.saving import Saver
from sandbox.omero.services.wire import QueryParameters, find_class, find_record, load_all, need

#: The collection of links (or, below plates, of members) that leads from a container one level down.
_DOWN: Mapping[str, tuple[str, ...]] = {
    "Project": ("datasetLinks", "child"),
    "Dataset": ("imageLinks", "child"),
    "Screen": ("plateLinks", "child"),
    "Plate": ("wells",),
    "Well": ("wellSamples", "image"),
}

#: With leaves, the images of the datasets come too.
_LEAVES: Mapping[str, str] = {
    "Project": "datasetLinks.child.imageLinks.child",
    "Dataset": "imageLinks.child",
    "Screen": "plateLinks.child",
    "Plate": "wells.wellSamples.image",
}
_BRANCHES: Mapping[str, str] = {"Project": "datasetLinks.child", "Screen": "plateLinks.child"}

#: What images come with, as OMERO.server fetches them.
_IMAGE_PATHS = (
    "pixels.pixelsType",
    "pixels.dimensionOrder",
    "format",
    "details.owner",
    "details.group",
    "details.creationEvent",
    "details.updateEvent",
    "details.externalInfo",
)


@servant(omero.api.IContainer)
class Container(Service):
    def loadContainerHierarchy(self, type_name: str, ids: list[int], parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """Containers with their contents: those with the ids, or all that owner and group in the filter allow."""
        given = QueryParameters.of(parameters, self.store)
        name = find_class(type_name).name
        if name not in _LEAVES:
            raise omero.ApiUsageException(None, None, f"{type_name} contains nothing that can be loaded")
        found = [r for r in (self._by_ids(name, ids) if ids else self.store.all(name)) if call.caller.visible(r)]
        if not ids:
            found = [record for record in found if given.accepts(record)]
        path = _LEAVES[name] if given.leaves else _BRANCHES.get(name)
        return load_all(call, found, [path] if path else [])

    def findContainerHierarchies(self, type_name: str, image_ids: list[int], parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """The projects or datasets that the images are in."""
        found: dict[Record, None] = {}
        for image in self._by_ids("Image", image_ids):
            datasets = [link.values["parent"] for link in self.store.referrers("DatasetImageLink", "child", image)]
            if find_class(type_name).name == "Dataset":
                found.update(dict.fromkeys(datasets))
                continue
            for dataset in datasets:
                links = self.store.referrers("ProjectDatasetLink", "child", dataset)
                found.update(dict.fromkeys(link.values["parent"] for link in links))
        return load_all(call, [record for record in found if call.caller.visible(record)])

    # ---- images

    def getImages(self, type_name: str, ids: list[int], parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        """The images with the ids, or in the containers with the ids, with their pixels."""
        given = QueryParameters.of(parameters, self.store)
        records: list[Record] = self._by_ids(find_class(type_name).name, ids)
        for record in list(records):
            if not call.caller.visible(record):
                records.remove(record)
        images = dict.fromkeys(image for record in records for image in self._images_in(record))
        visible = [image for image in images if call.caller.visible(image)]
        return load_all(call, given.cut(visible), _IMAGE_PATHS)

    def getUserImages(self, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        given = QueryParameters.of(parameters, self.store)
        owned = [i for i in self.store.all("Image") if i.owner is self.session.user and call.caller.visible(i)]
        return load_all(call, given.cut(owned), _IMAGE_PATHS)

    def getImagesByOptions(self, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        given = QueryParameters.of(parameters, self.store)
        found = [i for i in self.store.all("Image") if call.caller.visible(i) and given.accepts(i)]
        return load_all(call, given.cut(found), _IMAGE_PATHS)

    def getImagesBySplitFilesets(self, included: dict[str, list[int]], parameters: Any, call: Call) -> Any:  # noqa: N802
        """The filesets that the objects hold a part of only: fileset id -> {inside: image ids, outside: image ids}."""
        inside: set[Record] = set()
        for type_name, ids in (included or {}).items():
            for record in self._by_ids(find_class(type_name).name, ids):
                inside.update(self._images_in(record))
        split: dict[int, dict[bool, list[int]]] = {}
        for fileset in {image.values["fileset"] for image in inside if image.values.get("fileset") is not None}:
            images = self.store.collection(fileset, "images")
            outside = [image.id for image in images if image not in inside]
            if outside:
                split[fileset.id] = {True: [i.id for i in images if i in inside], False: outside}
        return split

    def _images_in(self, record: Record) -> list[Record]:
        """The images below a container; the image itself for an image."""
        found = [record]
        while found and found[0].model.name != "Image":
            steps = _DOWN.get(found[0].model.name)
            if steps is None:
                raise omero.ApiUsageException(None, None, f"{found[0].model.name} contains no images")
            members = [member for container in found for member in self.store.collection(container, steps[0])]
            found = members if len(steps) == 1 else [m.values[steps[1]] for m in members if m.values.get(steps[1])]
        return found

    # ---- collections

    def getCollectionCount(
        self,
        type_name: str,
        collection: str,
        ids: list[int],
        parameters: Any,  # noqa: N802
        call: Call,
    ) -> dict[int, int]:
        """Object id -> how many members the collection (`Dataset_imageLinks`, `datasetLinks`) has."""
        model = find_class(type_name)
        name = self._collection_name(model.name, collection)
        return {
            record.id: sum(1 for member in self.store.collection(record, name) if call.caller.visible(member))
            for record in self._by_ids(model.name, ids)
        }

    def retrieveCollection(self, target: Any, collection: str, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        record = find_record(self.store, target)
        name = self._collection_name(record.model.name, collection)
        return load_all(call, [m for m in self.store.collection(record, name) if call.caller.visible(m)])

    def _collection_name(self, type_name: str, collection: str) -> str:
        name = collection.rpartition("_")[2]
        name = name[:1].lower() + name[1:]
        known = find_class(type_name).fields.get(name)
        if known is None or known.kind is not FieldKind.COLLECTION:
            raise omero.ApiUsageException(None, None, f"{type_name} has no collection {collection}")
        return name

    def _by_ids(self, type_name: str, ids: list[int]) -> list[Record]:
        return [need(self.store, type_name, record_id) for record_id in ids]

    # ---- making and linking

    def createDataObject(self, target: Any, parameters: Any, call: Call) -> Any:  # noqa: N802
        return self.createDataObjects([target], parameters, call)[0]

    def createDataObjects(self, targets: list[Any], parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        saver = Saver(call)
        return load_all(call, [saver.save(target) for target in targets])

    def updateDataObject(self, target: Any, parameters: Any, call: Call) -> Any:  # noqa: N802
        return self.createDataObjects([target], parameters, call)[0]

    def updateDataObjects(self, targets: list[Any], parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        return self.createDataObjects(targets, parameters, call)

    def link(self, links: list[Any], parameters: Any, call: Call) -> list[Any]:
        return self.createDataObjects(links, parameters, call)

    def unlink(self, links: list[Any], parameters: Any, call: Call) -> None:
        for link in links:
            record = find_record(self.store, link)
            if call.caller.restrictions(record)[DELETE]:
                raise omero.SecurityViolation(None, None, f"Deleting {record} not allowed.")
            self.store.delete(record)
