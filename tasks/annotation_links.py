"""Annotations on objects, each once: what is there already is found by its namespace and one of its pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from omero.gateway import BlitzGateway
from omero.model import (
    DatasetAnnotationLinkI,
    DatasetI,
    ExperimenterAnnotationLinkI,
    ExperimenterI,
    ImageAnnotationLinkI,
    ImageI,
    MapAnnotationI,
    PlateAnnotationLinkI,
    PlateI,
    ScreenAnnotationLinkI,
    ScreenI,
)
from omero.rtypes import unwrap
from omero.sys import ParametersI

from tasks.key_values import map_annotation

_LINKS: dict[str, tuple[Any, Any]] = {
    "Experimenter": (ExperimenterAnnotationLinkI, ExperimenterI),
    "Image": (ImageAnnotationLinkI, ImageI),
    "Plate": (PlateAnnotationLinkI, PlateI),
    "Dataset": (DatasetAnnotationLinkI, DatasetI),
    "Screen": (ScreenAnnotationLinkI, ScreenI),
}


def link_to(kind: str, object_id: int, annotation: Any) -> Any:
    """An unsaved link from an Image, Plate, Dataset, Screen or Experimenter to an annotation."""
    link_class, parent_class = _LINKS[kind]
    link = link_class()
    link.setParent(parent_class(object_id, False))
    link.setChild(annotation)
    return link


def missing_links(
    gateway: BlitzGateway,
    kind: str,
    ids: Sequence[int],
    namespace: str,
    identity: tuple[str, str],
    pairs: Iterable[tuple[str, str]],
) -> list[Any]:
    """Links to save so that all of the objects carry one annotation with these pairs; `identity` is one of them.

    An annotation that some of them carry already is taken for all, whatever its other pairs say by now.
    """
    existing, holders = _find(gateway, kind, ids, namespace, identity)
    annotation = existing or map_annotation(namespace, pairs)
    return [link_to(kind, object_id, annotation) for object_id in ids if object_id not in holders]


def save_links(gateway: BlitzGateway, links: Sequence[Any]) -> None:
    """Save links, with new annotations that hang on them, in one transaction."""
    if links:
        gateway.c.sf.getUpdateService().saveAndReturnArray(list(links))


def _find(
    gateway: BlitzGateway, kind: str, ids: Sequence[int], namespace: str, identity: tuple[str, str]
) -> tuple[MapAnnotationI | None, set[int]]:
    """The annotation with the identity that some of the objects carry, and which of them do."""
    parameters = ParametersI().addIds(list(ids))
    parameters.addString("ns", namespace)
    query = gateway.c.sf.getQueryService()
    links = unwrap(
        query.projection(
            f"select l.parent.id, a.id from {kind}AnnotationLink l join l.child a "
            "where l.parent.id in (:ids) and a.ns = :ns",
            parameters,
        )
    )
    if not links:
        return None, set()
    annotations = query.findAllByQuery(
        "select a from MapAnnotation a where a.id in (:ids)", ParametersI().addIds(sorted({row[1] for row in links}))
    )
    for annotation in annotations:
        if any((pair.name, pair.value) == identity for pair in annotation.getMapValue()):
            annotation_id = annotation.id.val
            return MapAnnotationI(annotation_id, False), {row[0] for row in links if row[1] == annotation_id}
    return None, set()
