"""Prefect makes the runs of a schedule; with SQLAlchemy 2.1 its scheduler failed at every round, unseen."""

from __future__ import annotations

import time
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort

from contracts.deployment_names import IMPORT_ORDER
from sandbox.site import Site

#: Seconds between two rounds of Prefect's scheduler.
ROUND = 60


def test_a_schedule_makes_runs(site: Site) -> None:
    """The runs lie far in the future, and go with their deployment: none of them ever starts."""
    schedule = IntervalSchedule(interval=timedelta(days=30))
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        flow = client.read_deployment_by_name(IMPORT_ORDER).flow_id
        deployment = client.create_deployment(
            flow_id=flow, name="scheduled", schedules=[DeploymentScheduleCreate(schedule=schedule, active=True)]
        )
        try:
            wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
            deadline = time.monotonic() + 5 * ROUND
            while not (
                runs := client.read_flow_runs(
                    deployment_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1
                )
            ):
                assert time.monotonic() < deadline, "Prefect's scheduler made no run"
                time.sleep(0.5)
            assert runs[0].state is not None
            assert runs[0].state.is_scheduled()
        finally:
            client.delete_deployment(deployment)
