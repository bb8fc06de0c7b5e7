"""Runs that crashed, or that a worker took and never began, and that nobody started again.

Prefect's automations start such a run again within minutes (`deployments/automations.py`). They act on events, which
Prefect 3.8.8 loses when its server is killed or has so much to do that it answers with 500: of 50 runs resumed at once
on two processors, one stayed Pending. What state a run is in stands in the database all the same; that is asked here.
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

from contracts.deployment_names import ORDERED_DEPLOYMENTS, flow_of
from tasks.crash_limit import MOST_RUNS

#: What people ordered; a watcher or a nightly check that crashed is followed by the next one.
FLOWS = [flow_of(deployment) for deployment in ORDERED_DEPLOYMENTS]
#: By then the automations have done it, and a worker's late report of the same death has come.
LEFT_ALONE = timedelta(minutes=3)
#: On a machine with ten times too much to do a process took four minutes from the worker's hand to its flow.
NEVER_BEGUN = timedelta(minutes=10)
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
    found = await _read_runs(
        client,
        FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
            end_time=FlowRunFilterEndTime(after_=now - LONG_AGO, before_=now - left_alone),
        ),
        FlowRunSort.END_TIME_DESC,
    )
    return await _restart(
        client,
        [run for run in found if run.run_count < MOST_RUNS],
        "It had crashed, and nothing had started it again.",
    )


async def restart_unbegun_runs(client: PrefectClient, never_begun: timedelta = NEVER_BEGUN) -> list[FlowRun]:
    """Start again every run that a worker took so long ago and that has not begun; returns them.

    Should its process begin after all, one of the two waits at the run's lock until the other has done its work.
    """
    found = await _read_runs(
        client,
        FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))),
        FlowRunSort.EXPECTED_START_TIME_ASC,
    )
    taken_before = datetime.now(UTC) - never_begun
    return await _restart(
        client,
        [run for run in found if run.state is not None and run.state.timestamp <= taken_before],
        "A worker had taken it, and it had not begun.",
    )


async def _read_runs(client: PrefectClient, wanted: FlowRunFilter, sort: FlowRunSort) -> list[FlowRun]:
    """Those that a worker would take again: a flow of the same name that was started by hand has no deployment."""
    flows = FlowFilter(name=FlowFilterName(any_=FLOWS))
    found = await client.read_flow_runs(flow_filter=flows, flow_run_filter=wanted, sort=sort, limit=MOST_AT_ONCE)
    return [run for run in found if run.deployment_id is not None]


async def _restart(client: PrefectClient, runs: list[FlowRun], why: str) -> list[FlowRun]:
    restarted = []
    for run in runs:
        # An automation, a person or the run itself may have been faster than this look.
        if (await client.read_flow_run(run.id)).state_id != run.state_id:
            continue
        await client.set_flow_run_state(run.id, Scheduled(name="Restarted", message=why), force=True)
        restarted.append(run)
    return restarted
