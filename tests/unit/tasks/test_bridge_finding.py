"""What `omero-flows doctor` says of the bridge to BIOMERO, by the one that began last."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from contracts.failures import FailureError
from tasks.bridge_examination import describe_bridge
from tests.unit.cli.test_watcher_finding import NOW, watcher


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (watcher(StateType.RUNNING, began=4), "crossing since 07:56 UTC"),
        (watcher(StateType.COMPLETED, began=6, ended=1), "last looked at 60 s ago"),
        (watcher(StateType.COMPLETED, began=10, ended=5), "last looked at 5 min ago"),
    ],
)
def test_a_bridge_that_runs_or_has_just_ended_is_well(latest: FlowRun, said: str) -> None:
    assert describe_bridge(latest, NOW) == said


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (None, "Nobody has ever taken"),
        (watcher(StateType.COMPLETED, began=65, ended=60), "since 2026-11-23 07:00 UTC"),
        (watcher(StateType.FAILED, began=3, ended=2, said="does not answer"), "The last bridge to BIOMERO failed"),
    ],
)
def test_orders_that_wait_in_vain_are_told(latest: FlowRun | None, said: str) -> None:
    with pytest.raises(FailureError, match=said):
        describe_bridge(latest, NOW)


def test_a_bridge_that_is_late_is_told_from_one_that_is_about_to_be_followed() -> None:
    latest = watcher(StateType.COMPLETED, began=10, ended=5)
    assert describe_bridge(latest, NOW + timedelta(minutes=5)) == "last looked at 10 min ago"
    with pytest.raises(FailureError, match="Nobody has taken"):
        describe_bridge(latest, NOW + timedelta(minutes=7))
