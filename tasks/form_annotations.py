"""Map annotations of forms in a flow's session; `contracts/forms/annotation_holder.py` says what is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import omero
from omero.gateway import BlitzGateway
from omero.model import MapAnnotationI, NamedValue
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

from contracts.failures import FailureError
from contracts.forms.annotation_holder import ChangedMeanwhile, annotations_query
from contracts.forms.chunks import Rows
from tasks.annotation_links import link_to
from tasks.deletion import delete_object

_EVERYWHERE = {"omero.group": "-1"}


@dataclass(frozen=True)
class FormAnnotation:
    """An annotation as it was read; `ice` carries the version by which OMERO knows that it was not changed since."""

    id: int
    rows: Rows
    ice: Any


@dataclass(frozen=True)
class FormHolder:
    """The annotations of one object, in the session of `gateway`."""

    gateway: BlitzGateway
    kind: str
    id: int

    def find(self, namespace: str) -> list[FormAnnotation]:
        parameters = ParametersI().addLong("id", self.id)
        parameters.addString("ns", namespace)
        found = self.gateway.c.sf.getQueryService().findAllByQuery(
            annotations_query(self.kind, "a.ns = :ns"), parameters, _EVERYWHERE
        )
        return [
            FormAnnotation(ice.id.val, tuple((pair.name, pair.value) for pair in ice.getMapValue()), ice)
            for ice in found
            if ice.ns.val == namespace
        ]

    def create(self, namespace: str, rows: Rows, group: int | None = None) -> None:
        annotation = MapAnnotationI()
        annotation.setNs(rstring(namespace))
        annotation.setMapValue(_pairs(rows))
        self._save(link_to(self.kind, self.id, annotation), group)

    def replace(self, stored: FormAnnotation, rows: Rows) -> None:
        stored.ice.setMapValue(_pairs(rows))
        try:
            self._save(stored.ice, stored.ice.details.group.id.val)
        except omero.OptimisticLockException as error:
            raise ChangedMeanwhile from error

    def remove(self, ids: Sequence[int]) -> None:
        for annotation in ids:
            try:
                delete_object(self.gateway, "MapAnnotation", annotation, everywhere=True)
            except FailureError:
                if self._is_there(annotation):
                    raise

    def _save(self, thing: Any, group: int | None) -> None:
        context = {} if group is None else {"omero.group": str(group)}
        self.gateway.c.sf.getUpdateService().saveObject(thing, context)

    def _is_there(self, annotation: int) -> bool:
        rows = self.gateway.c.sf.getQueryService().projection(
            "select a.id from MapAnnotation a where a.id = :id", ParametersI().addId(annotation), _EVERYWHERE
        )
        return bool(unwrap(rows))


def _pairs(rows: Rows) -> list[Any]:
    return [NamedValue(name, value) for name, value in rows]
