"""What OMERO itself knows of a result: the annotation that was saved with it, found by the result's token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts import namespaces


@dataclass(frozen=True)
class ResultEvidence:
    """An annotation in `omero-flows/result` with the token; of a key that comes twice the last value."""

    annotation: int
    pairs: Mapping[str, str]


@dataclass(frozen=True)
class FoundFile:
    """A FileAnnotation that carries the token."""

    annotation: int
    file: int
    pairs: Mapping[str, str]


def find_evidence(gateway: BlitzGateway, token: str) -> list[ResultEvidence]:
    """The annotations that carry a result's token, the oldest first."""
    parameters = ParametersI().addString("ns", namespaces.RESULT)
    parameters.addString("token", token)
    annotations = gateway.c.sf.getQueryService().findAllByQuery(
        "select a from MapAnnotation a join a.mapValue v "
        "where a.ns = :ns and v.name = 'Result' and v.value = :token order by a.id",
        parameters,
    )
    return [
        ResultEvidence(annotation.id.val, {pair.name: pair.value for pair in annotation.getMapValue()})
        for annotation in annotations
    ]


def find_file(gateway: BlitzGateway, token: str) -> FoundFile | None:
    """The attachment, table or archive of a result; None: there is none, whatever an earlier attempt has uploaded."""
    evidence = {found.annotation: found for found in find_evidence(gateway, token)}
    if not evidence:
        return None
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select f.id, f.file.id, l.child.id from FileAnnotation f join f.annotationLinks l "
            "where l.child.id in (:ids) order by f.id",
            ParametersI().addIds(list(evidence)),
        )
    )
    if not rows:
        return None
    annotation, file, child = rows[0]
    return FoundFile(int(annotation), int(file), evidence[child].pairs)
