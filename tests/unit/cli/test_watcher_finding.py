"""What `omero-flows doctor` says of the cluster's watcher, by the one that began last."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from contracts.failures import FailureCategory, FailureError
from tasks.site_examination import describe_watcher

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def watcher(kind: StateType, *, began: int, ended: int | None = None, said: str = "") -> FlowRun:
    """One that began and ended so many minutes ago."""
    moment = NOW - timedelta(minutes=began if ended is None else ended)
    return FlowRun(
        flow_id=uuid.uuid4(),
        start_time=NOW - timedelta(minutes=began),
        end_time=None if ended is None else moment,
        state=State(type=kind, message=said, timestamp=moment),
    )


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (watcher(StateType.RUNNING, began=4), "watched since 07:56 UTC"),
        (watcher(StateType.COMPLETED, began=10, ended=5), "watched until 07:55 UTC"),
    ],
)
def test_a_watcher_that_runs_or_has_just_ended_is_well(latest: FlowRun, said: str) -> None:
    assert describe_watcher(latest, NOW) == said


@pytest.mark.parametrize(
    ("latest", "said", "step"),
    [
        (None, "Nobody has ever watched", "omero-flows worker --pool housekeeping"),
        (
            watcher(StateType.COMPLETED, began=65, ended=60),
            "since 2026-11-23 07:00 UTC",
            "omero-flows worker --pool housekeeping",
        ),
        (
            watcher(StateType.FAILED, began=3, ended=2, said="another host key than the pinned one"),
            "The last watcher of the cluster failed",
            "omero-flows cluster check",
        ),
    ],
)
def test_no_watcher_or_one_that_failed_is_told_with_what_to_do(latest: FlowRun | None, said: str, step: str) -> None:
    with pytest.raises(FailureError, match=said) as caught:
        describe_watcher(latest, NOW)
    assert caught.value.failure.category is FailureCategory.NOT_CONFIGURED
    assert step in caught.value.failure.next_step
    assert latest is None or latest.state is None or (latest.state.message or "") in caught.value.failure.detail
