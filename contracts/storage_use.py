"""What a run moved, and what of it failed: bytes that came under OMERO's care, and that went out to a cluster.

An artifact of its own, small beside the report: charts read it of hundreds of runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Token
from contracts.failures import Failure

#: Artifact type.
STORAGE_USE = "storage-use"


def storage_use_key(run: Token) -> str:
    """Key of the artifact of an order or run; a run that reports again replaces it."""
    return f"storage-use-{run}"


class StorageUse(Contract):
    """`taken_in`: files that OMERO links to since an import, or that an analysis brought back. `sent_out`: inputs and
    attachments that were written on the cluster; what it reads from a mount is not sent. Bytes. `failures`: how many
    files, tasks and results failed, by category.
    """

    taken_in: Annotated[int, Field(ge=0)] = 0
    sent_out: Annotated[int, Field(ge=0)] = 0
    failures: dict[str, int] = {}


def count_failures(failures: Iterable[Failure | None]) -> dict[str, int]:
    """By category; None is none."""
    return dict(Counter(failure.category.value for failure in failures if failure is not None))
