"""How long the cycles of a watcher took: the cluster's, and the bridge's to BIOMERO."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract
from contracts.finding import artifact_key

#: Artifact type.
CYCLE_TIMES = "cycle-times"

Seconds = Annotated[float, Field(ge=0, strict=False)]


def cycle_times_key(deployment: str) -> str:
    """Key of the artifact; the next watcher of the deployment replaces it."""
    return artifact_key(f"cycle-times-{deployment.partition('/')[2]}")


class CycleTimes(Contract):
    """Of one watcher, from its beginning to its end. Seconds."""

    cycles: Annotated[int, Field(ge=1)]
    mean: Seconds
    longest: Seconds
