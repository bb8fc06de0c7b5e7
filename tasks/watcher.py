"""Is there a watcher of the cluster? A schedule starts one every few minutes; a run that begins to wait looks too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from blocks.omero_failures import describe

WATCHER = "watch-cluster/watch-cluster"
#: A watcher that waits for a worker for longer than this is no watcher.
SOON = timedelta(minutes=2)
#: One begins every five minutes; when none has watched for this long, something is wrong.
LATELY = timedelta(minutes=11)


async def find_watchers(client: PrefectClient) -> list[FlowRun]:
    """Watchers that run, or that are to begin now.

    Raises:
        ObjectNotFound: there is no such deployment.
    """
    deployment = await client.read_deployment_by_name(WATCHER)
    now = datetime.now(UTC)
    return await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED])
            ),
            expected_start_time=FlowRunFilterExpectedStartTime(after_=now - 10 * SOON, before_=now),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=20,
    )


async def dismiss_waiting_watchers(client: PrefectClient, name: str = WATCHER) -> None:
    """Cancel the watchers that wait for a place now that one has begun. While there is no worker, the schedule makes
    one every five minutes, and they would all watch one after the other, each keeping the next one waiting.

    `name`: the watchers' deployment.
    """
    try:
        deployment = await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return  # this one was started by hand, where there is no schedule
    found = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=200,
    )
    for run in found:
        await client.set_flow_run_state(run.id, Cancelled(message="Another watcher had begun."))


async def read_latest_watcher(client: PrefectClient, name: str = WATCHER) -> FlowRun | None:
    """The watcher that began last, whatever became of it, unless it was cancelled; None when there never was one.
    `name`: its deployment.

    Prefect gives a run that is cancelled before it began a moment of starting all the same: a dismissed watcher would
    hide that the one before it failed.

    Raises:
        ObjectNotFound: there is no such deployment.
    """
    deployment = await client.read_deployment_by_name(name)
    found = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            start_time=FlowRunFilterStartTime(is_null_=False),
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(
                    any_=[StateType.RUNNING, StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]
                )
            ),
        ),
        sort=FlowRunSort.START_TIME_DESC,
        limit=1,
    )
    return found[0] if found else None


async def ensure_watcher() -> None:
    """Start a watcher unless there is one; if that fails, the schedule's next one does it."""
    try:
        async with get_client() as client:
            if not await find_watchers(client):
                deployment = await client.read_deployment_by_name(WATCHER)
                await client.create_flow_run_from_deployment(deployment.id)
    except ObjectNotFound:
        get_run_logger().warning("There is no deployment %s: run `omero-flows deploy`", WATCHER)
    except Exception as error:  # noqa: BLE001  the run waits all the same, and is found by the next watcher
        get_run_logger().warning("No watcher could be started: %s", describe(error))
