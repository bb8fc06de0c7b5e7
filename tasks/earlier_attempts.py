"""What earlier attempts of this run left in Prefect's history: steps that still seem to run."""

from __future__ import annotations

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import TaskRunSort
from prefect.states import Crashed


async def end_steps_of_earlier_attempts() -> int:
    """Mark steps that a killed process left as running; returns how many. Hold the order's lock.

    Prefect starts every attempt's steps anew and never looks at the old ones again: without this they
    run for ever in the UI.
    """
    run_id, attempt = runtime.flow_run.id, runtime.flow_run.run_count
    if run_id is None:
        return 0
    unended = TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    async with get_client() as client:
        found = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])),
            task_run_filter=TaskRunFilter(state=unended),
            sort=TaskRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )
        earlier = [step for step in found if step.flow_run_run_count < attempt]
        for step in earlier:
            await client.set_task_run_state(step.id, Crashed(message="Its process died."), force=True)
    return len(earlier)
