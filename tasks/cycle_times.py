"""Publishes how long a watcher's cycles took, for metrics."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import get_run_logger
from prefect.artifacts import Artifact

from blocks.omero_failures import describe
from contracts.cycle_times import CYCLE_TIMES, CycleTimes, cycle_times_key
from tasks.prefect_client import is_away


async def publish_cycles(deployment: str, seconds: Sequence[float]) -> None:
    """Nothing of a watcher that had nothing to look at. One that cannot tell has watched all the same."""
    if not seconds:
        return
    times = CycleTimes(cycles=len(seconds), mean=sum(seconds) / len(seconds), longest=max(seconds))
    try:
        await Artifact(type=CYCLE_TIMES, key=cycle_times_key(deployment), data=times.model_dump(mode="json")).acreate()
    except Exception as error:
        if not is_away(error):
            raise
        get_run_logger().warning("How long the cycles took could not be told: %s", describe(error))
