"""Map annotations on one object of OMERO, as those see them who keep forms: found, appended to, never overwritten.

OMERO.web and the flows reach OMERO in different ways. Each has its own holder (`omero_ui/forms/annotations.py`,
`tasks/form_annotations.py`); what is done with one is here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from contracts.failures import FailureCategory, fail
from contracts.forms.chunks import Rows
from contracts.forms.storage import Writing

#: Writers who meet try again; each round one of them gets through.
MOST_ROUNDS = 100


class ChangedMeanwhile(Exception):
    """Another writer saved the annotation after it was read."""


class StoredAnnotation(Protocol):
    """An annotation as it was read, with its version in OMERO."""

    @property
    def id(self) -> int: ...

    @property
    def rows(self) -> Rows: ...


Stored = TypeVar("Stored", bound=StoredAnnotation)


def annotations_query(kind: str, condition: str) -> str:
    """HQL for the map annotations of the object with the parameter `id`, by their ids. `condition`: on `a.ns`; a
    database may compare without regard to capitals, so names are compared once more by who asks.
    """
    return (
        f"select a from {kind} o join o.annotationLinks l join l.child a "
        f"where a.class = MapAnnotation and o.id = :id and {condition} order by a.id"
    )


class AnnotationHolder(Protocol[Stored]):
    """The annotations of one object, in the session of somebody who may read and write them.

    Raises:
        FailureError: what OMERO's refusal of a call means.
    """

    def find(self, namespace: str) -> Sequence[Stored]:
        """All map annotations of exactly this namespace, by id."""
        ...

    def create(self, namespace: str, rows: Rows, group: int | None = None) -> None:
        """A new annotation, which is there with its link or not at all; in the session's group unless one is named."""
        ...

    def replace(self, stored: Stored, rows: Rows) -> None:
        """Save these rows in the place of those that were read. Raises ChangedMeanwhile."""
        ...

    def remove(self, ids: Sequence[int]) -> None:
        """Delete annotations with their links; one that is gone already is no error."""
        ...


def write(holder: AnnotationHolder[Stored], namespace: str, plan: Callable[[Sequence[Rows]], Writing | None]) -> None:
    """Do what `plan` says about the rows that are there, and plan anew whenever another writer was faster.

    Raises:
        FailureError: what `plan` raises; OMERO_REFUSED when other writers came first `MOST_ROUNDS` times.
    """
    for _ in range(MOST_ROUNDS):
        stored = holder.find(namespace)
        writing = plan([found.rows for found in stored])
        if writing is None:
            return
        if writing.place is None:
            holder.create(namespace, writing.rows)
            return
        try:
            holder.replace(stored[writing.place], writing.rows)
        except ChangedMeanwhile:
            continue
        return
    raise fail(
        FailureCategory.OMERO_REFUSED,
        "Too many people write to the same form at once.",
        next_step="Try again in a minute.",
    )
