"""A run that crashes again and again is ended with a reason, instead of being restarted forever."""

from __future__ import annotations

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType

from contracts.failures import FailureCategory, fail

#: Crashes since the run was placed, or since a person last retried it.
MOST_CRASHES = 4
#: Starts of one run; this bounds a fault before `check_crashes` is reached.
MOST_RUNS = 20
#: The name Prefect gives the state of a run that a person retries (`omero-flows retry`, Retry in the UI).
RETRIED = "AwaitingRetry"
#: So begins a worker's second report of a death it has reported already ("Process exited ..."). It comes some
#: 30 s later, on a busy machine minutes later, and crashes a run that has been started again meanwhile.
SECOND_REPORT = "Flow run infrastructure exited"


def count_crashes(states: list[State[object]]) -> int:
    """Crashes in a run's history, oldest state first, since the last retry by a person; each death counts once."""
    crashes = 0
    for state in states:
        if state.name == RETRIED:
            crashes = 0
        elif state.type is StateType.CRASHED and not (state.message or "").startswith(SECOND_REPORT):
            crashes += 1
    return crashes


async def check_crashes() -> None:
    """End a run that has crashed too often.

    Raises:
        FailureError: CRASHED_TOO_OFTEN.
    """
    run_id = runtime.flow_run.id
    if run_id is None:
        return
    async with get_client() as client:
        states = await client.read_flow_run_states(run_id)
    crashes = count_crashes(sorted(states, key=lambda state: state.timestamp))
    if crashes >= MOST_CRASHES:
        raise fail(
            FailureCategory.CRASHED_TOO_OFTEN,
            f"This run has crashed {crashes} times; it is not started again by itself.",
            detail="; ".join(state.message or "" for state in states if state.type is StateType.CRASHED)[:2000],
            next_step="Look for what kills it (memory, disk); then `omero-flows retry` it.",
        )
