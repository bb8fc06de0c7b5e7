"""A run that needs somebody who is away (OMERO, the cluster, the image storage) waits for them without a process.

Its process ends, and Prefect starts it again after a pause: short at first, an hour at last. Finished steps are
remembered. What it waits for is its state's name, why and until when the state's message.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect import get_run_logger, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.states import Scheduled

from contracts.failures import WAITING, Failure
from tasks.run_clock import RunHistory, read_history

#: Before each further attempt; the last one for all that follow.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 30, 60))
#: Longer than a weekend; and shorter than clusters keep what nobody touches on their scratch.
PATIENCE = timedelta(days=4)


async def wait_out(failure: Failure) -> None:
    """End this process until the next attempt. Returns when the run has waited for too long, or is no flow run.

    Raises:
        Pause: which Prefect takes for the end of a process whose run has not ended.
    """
    run_id = runtime.flow_run.id
    again = next_attempt(await read_history(), datetime.now(UTC))
    if run_id is None or again is None or failure.awaited is None:
        return
    state: State[None] = Scheduled(
        scheduled_time=again,
        name=f"{WAITING}{failure.awaited}",
        message=f"{failure.summary} The run goes on by itself; next attempt at {again:%H:%M:%S} UTC.",
    )
    async with get_client() as client:
        answer = await client.set_flow_run_state(run_id, state)
    if answer.state is None or not answer.state.is_scheduled():
        return  # it was cancelled meanwhile
    get_run_logger().warning("%s: %s", state.name, state.message)
    raise Pause(state=answer.state)


def next_attempt(history: RunHistory, now: datetime) -> datetime | None:
    """When to try again; None when it has been tried for long enough."""
    if history.waits and now - history.waits[0] > PATIENCE:
        return None
    return now + PAUSES[min(len(history.waits), len(PAUSES) - 1)]
