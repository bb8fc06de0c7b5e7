"""The nights as Prefect's schedule has them: in a time zone, and never more than one at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterExpectedStartTime
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled

from contracts.deployment_names import NIGHTLY_IMPORT
from sandbox.site import Site
from tests.chaos.waiting import wait_for

ZONE = "Europe/Helsinki"


@pytest.fixture
def client(site: Site) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        yield client


@pytest.fixture
def nightly(client: SyncPrefectClient) -> DeploymentResponse:
    return client.read_deployment_by_name(NIGHTLY_IMPORT)


def test_a_night_is_off_until_somebody_switches_it_on(nightly: DeploymentResponse) -> None:
    assert [schedule.active for schedule in nightly.schedules] == [False]


def test_nights_that_are_late_or_overlap_do_not_pile_up(client: SyncPrefectClient, nightly: DeploymentResponse) -> None:
    """Five nights that nobody ran come due at once: one runs, the others make way. The next night runs."""
    due = datetime.now(UTC) - timedelta(hours=1)
    late = [
        client.create_flow_run_from_deployment(
            nightly.id, name=f"Late night {night}", state=Scheduled(scheduled_time=due + timedelta(minutes=night))
        )
        for night in range(5)
    ]
    ends = wait_for_ends(client, late)
    assert sorted(ends) == ["Cancelled"] * 4 + ["Completed"]
    [end] = wait_for_ends(client, [client.create_flow_run_from_deployment(nightly.id, name="Next night")])
    assert end == "Completed"


def test_a_night_is_planned_in_its_time_zone(client: SyncPrefectClient, nightly: DeploymentResponse) -> None:
    """Half past two in Helsinki, on every day that Prefect has planned by then."""
    [before] = nightly.schedules
    cron = CronSchedule(cron="30 2 * * *", timezone=ZONE)
    # Prefect 3.8.8 forgets a schedule's parameters when a change does not name them.
    kept = before.parameters
    client.update_deployment_schedule(nightly.id, before.id, active=True, schedule=cron, parameters=kept)
    try:
        planned = wait_for("Prefect to plan nights", lambda: read_planned(client, nightly))
        times = {run.expected_start_time.astimezone(ZoneInfo(ZONE)).strftime("%H:%M") for run in planned}  # type: ignore[union-attr]
        assert times == {"02:30"}
    finally:
        client.update_deployment_schedule(
            nightly.id, before.id, active=before.active, schedule=before.schedule, parameters=kept
        )


def read_planned(client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
            expected_start_time=FlowRunFilterExpectedStartTime(after_=datetime.now(UTC)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=10,
    )


def wait_for_ends(client: SyncPrefectClient, runs: list[FlowRun]) -> list[str]:
    """The names of the states that the runs ended in."""

    def ends() -> list[str]:
        states = [client.read_flow_run(run.id).state for run in runs]
        return [str(state.name) for state in states if state is not None and state.is_final()]

    return wait_for("the nights to end", lambda: found if len(found := ends()) == len(runs) else None)
