"""What OMERO itself knows of a rule's images: which of them analyses made, and which a run of the rule has taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from omero.gateway import BlitzGateway
from omero.rtypes import rlist, rstring, unwrap
from omero.sys import ParametersI

from contracts import namespaces
from contracts.run_results import ANALYZED
from tasks.result_home import AT_ONCE
from tasks.result_key_values import RULE

_ON_IMAGE = "select l.parent.id from ImageAnnotationLink l join l.child a where l.parent.id in (:ids) and "
_VALUE_ON_IMAGE = (
    "select l.parent.id, v.value from ImageAnnotationLink l join l.child a, MapAnnotation m join m.mapValue v "
    "where m.id = a.id and m.ns = :ns and v.name = :key and l.parent.id in (:ids)"
)
_ON_PLATE = (
    "select s.image.id from WellSample s join s.well w join w.plate p, PlateAnnotationLink l join l.child a "
    "where l.parent.id = p.id and a.ns in (:spaces) and s.image.id in (:ids)"
)
#: On what an analysis made: ours, and BIOMERO's.
_MADE = (namespaces.RESULT, namespaces.WORKFLOW)


def find_results(gateway: BlitzGateway, images: Iterable[int]) -> set[int]:
    """Those that an analysis made, whichever: by their key-values, or those of their plate.

    A result image has these a moment after it is there. What it has from the first is the annotation of its import,
    whose path leads into the folder of results.
    """
    query = gateway.c.sf.getQueryService()
    found: set[int] = set()
    for parameters in _parts(images):
        parameters.add("spaces", rlist([rstring(space) for space in _MADE]))
        for text in (_ON_IMAGE + "a.ns in (:spaces)", _ON_PLATE):
            found |= {row[0] for row in unwrap(query.projection(text, parameters))}
    for image, path in _values(gateway, images, namespaces.TOKEN, "Path"):
        if path.startswith(f"{ANALYZED}/"):
            found.add(image)
    return found


def find_taken(gateway: BlitzGateway, rule: UUID, images: Iterable[int]) -> set[int]:
    """Those that say that a run of the rule used them."""
    return {image for image, value in _values(gateway, images, namespaces.ANALYSIS, RULE) if value == str(rule)}


def _values(gateway: BlitzGateway, images: Iterable[int], namespace: str, key: str) -> list[tuple[int, str]]:
    """Image and value, for every value of the key in the namespace."""
    query = gateway.c.sf.getQueryService()
    found: list[tuple[int, str]] = []
    for parameters in _parts(images):
        parameters.addString("ns", namespace)
        parameters.addString("key", key)
        found += [(row[0], row[1] or "") for row in unwrap(query.projection(_VALUE_ON_IMAGE, parameters))]
    return found


def _parts(images: Iterable[int]) -> Iterator[ParametersI]:
    """The ids in parts, for one query each."""
    ids = sorted(set(images))
    for first in range(0, len(ids), AT_ONCE):
        yield ParametersI().addIds(ids[first : first + AT_ONCE])
