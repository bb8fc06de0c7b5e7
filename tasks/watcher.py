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
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from blocks.omero_failures import describe

WATCHER = "watch-cluster/watch-cluster"
#: A watcher that waits for a worker for longer than this is no watcher.
SOON = timedelta(minutes=2)


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
