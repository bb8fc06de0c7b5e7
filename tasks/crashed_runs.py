"""Runs that crashed and that nobody started again.

Prefect's automations start a crashed run again within a minute (`deployments/automations.py`). They act on events, and
Prefect 3.8.8 keeps what it knows of those in memory: of a run that crashed while the server was away, or just before it
was killed, the automation may never hear. Its state is in the database all the same, and that is asked here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled

from contracts.deployment_names import ANALYSIS_RUN, BATCH_ANALYSIS, BATCH_IMPORT, IMPORT_ORDER
from tasks.crash_limit import MOST_RUNS

#: What people ordered; a watcher or a nightly check that crashed is followed by the next one.
FLOWS = tuple(name.split("/")[0] for name in (IMPORT_ORDER, ANALYSIS_RUN, BATCH_IMPORT, BATCH_ANALYSIS))
#: By then the automations have done it, and a worker's late report of the same death has come.
LEFT_ALONE = timedelta(minutes=3)
#: Crashed longer ago than this, a run is for a person to look at: its input may have gone.
LONG_AGO = timedelta(days=7)
#: One look starts so many again; the next takes the rest.
MOST_AT_ONCE = 200


async def restart_crashed_runs(client: PrefectClient, left_alone: timedelta = LEFT_ALONE) -> list[FlowRun]:
    """Start again every crashed run that has been left alone for so long; returns them.

    Its finished steps are remembered, so that it goes on where it was; a process of it that still lives keeps it
    waiting at its lock. A run that crashes again and again is ended by itself (`tasks/crash_limit.py`).
    """
    now = datetime.now(UTC)
    found = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
            end_time=FlowRunFilterEndTime(after_=now - LONG_AGO, before_=now - left_alone),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=MOST_AT_ONCE,
    )
    restarted = []
    for run in found:
        # A flow of the same name that was started by hand has no deployment: no worker would take it.
        if run.deployment_id is None or run.run_count >= MOST_RUNS or not await _is_still_crashed(client, run):
            continue
        await client.set_flow_run_state(
            run.id, Scheduled(name="Restarted", message="It had crashed, and nothing had started it again."), force=True
        )
        restarted.append(run)
    return restarted


async def _is_still_crashed(client: PrefectClient, run: FlowRun) -> bool:
    """An automation or a person may have been faster than this look."""
    return (await client.read_flow_run(run.id)).state_type is StateType.CRASHED
