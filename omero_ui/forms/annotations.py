"""Map annotations on one object of OMERO: found by namespace, written so that no other writer's rows are lost."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import omero
from omero.cmd import ERR, Delete2
from omero.model import (
    DatasetAnnotationLinkI,
    DatasetI,
    ExperimenterAnnotationLinkI,
    ExperimenterI,
    ImageAnnotationLinkI,
    ImageI,
    MapAnnotationI,
    NamedValue,
    PlateAnnotationLinkI,
    PlateI,
    ProjectAnnotationLinkI,
    ProjectI,
    ScreenAnnotationLinkI,
    ScreenI,
)
from omero.rtypes import rstring
from omero.sys import ParametersI

from contracts.failures import FailureCategory, fail
from contracts.forms.annotation_holder import ChangedMeanwhile, annotations_query
from contracts.forms.chunks import Rows

_LINKS: dict[str, tuple[Any, Any]] = {
    "Experimenter": (ExperimenterAnnotationLinkI, ExperimenterI),
    "Project": (ProjectAnnotationLinkI, ProjectI),
    "Dataset": (DatasetAnnotationLinkI, DatasetI),
    "Screen": (ScreenAnnotationLinkI, ScreenI),
    "Plate": (PlateAnnotationLinkI, PlateI),
    "Image": (ImageAnnotationLinkI, ImageI),
}
_EVERYWHERE = {"omero.group": "-1"}


@dataclass(frozen=True)
class StoredAnnotation:
    """An annotation as it was read; `ice` carries the version by which OMERO knows that it was not changed since."""

    id: int
    namespace: str
    rows: Rows
    ice: Any


@dataclass(frozen=True)
class Holder:
    """What the annotations hang on. `client`: an omero.client whose session may read and write them."""

    client: Any
    kind: str
    id: int

    def find(self, namespace: str) -> list[StoredAnnotation]:
        """All map annotations of exactly this namespace, by id."""
        return [found for found in self._query("a.ns = :ns", namespace) if found.namespace == namespace]

    def find_below(self, prefix: str) -> list[StoredAnnotation]:
        """All map annotations whose namespace begins so, by id."""
        return [found for found in self._query("a.ns like :ns", prefix + "%") if found.namespace.startswith(prefix)]

    def create(self, namespace: str, rows: Rows, group: int | None = None) -> None:
        """A new annotation, which is there with its link or not at all; in the session's group unless one is named."""
        annotation = MapAnnotationI()
        annotation.setNs(rstring(namespace))
        annotation.setMapValue(_pairs(rows))
        link_class, parent_class = _LINKS[self.kind]
        link = link_class()
        link.setParent(parent_class(self.id, False))
        link.setChild(annotation)
        context = {} if group is None else {"omero.group": str(group)}
        self.client.sf.getUpdateService().saveObject(link, context)

    def replace(self, stored: StoredAnnotation, rows: Rows) -> None:
        """Save these rows in the place of those that were read.

        Raises:
            ChangedMeanwhile: OMERO does not save what was changed since it was read (optimistic locking).
        """
        stored.ice.setMapValue(_pairs(rows))
        group = {"omero.group": str(stored.ice.details.group.id.val)}
        try:
            self.client.sf.getUpdateService().saveObject(stored.ice, group)
        except omero.OptimisticLockException as error:
            raise ChangedMeanwhile from error

    def remove(self, ids: Sequence[int]) -> None:
        """Delete annotations with their links; one that is gone already is no error.

        Raises:
            FailureError: OMERO_REFUSED for one that is still there.
        """
        for annotation in ids:
            answer = self._delete(annotation)
            if isinstance(answer, ERR) and self._is_there(annotation):
                raise fail(
                    FailureCategory.OMERO_REFUSED,
                    "OMERO did not delete an annotation.",
                    detail=str(answer.parameters),
                    next_step="Look into OMERO's Blitz log; then try again.",
                )

    def _delete(self, annotation: int) -> Any:
        handle = self.client.sf.submit(Delete2(targetObjects={"MapAnnotation": [annotation]}), _EVERYWHERE)
        callback = omero.callbacks.CmdCallbackI(self.client, handle)
        try:
            while not callback.block(500):
                pass
            return callback.getResponse()
        finally:
            # omero-py keeps the event until Python ends, which OMERO.web does not do for months.
            atexit.unregister(callback.event.setAtExit)
            callback.close(True)

    def _is_there(self, annotation: int) -> bool:
        query = self.client.sf.getQueryService()
        named = ParametersI().addId(annotation)
        return bool(query.projection("select a.id from MapAnnotation a where a.id = :id", named, _EVERYWHERE))

    def _query(self, condition: str, namespace: str) -> list[StoredAnnotation]:
        parameters = ParametersI().addLong("id", self.id)
        parameters.addString("ns", namespace)
        found = self.client.sf.getQueryService().findAllByQuery(
            annotations_query(self.kind, condition), parameters, _EVERYWHERE
        )
        return [
            StoredAnnotation(
                id=ice.id.val,
                namespace=ice.ns.val,
                rows=tuple((pair.name, pair.value) for pair in ice.getMapValue()),
                ice=ice,
            )
            for ice in found
        ]


def _pairs(rows: Rows) -> list[Any]:
    return [NamedValue(name, value) for name, value in rows]
