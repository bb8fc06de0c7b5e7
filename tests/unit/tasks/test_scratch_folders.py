"""Which folders on the cluster the nightly tidying removes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from tasks.scratch_folders import judge_folder

NOW = datetime(2026, 11, 23, 3, 17, tzinfo=UTC)
TOKEN = uuid.uuid4()


def run(kind: StateType, days: float) -> FlowRun:
    """One that came into a state so many days ago."""
    moment = NOW - timedelta(days=days)
    ended = moment if State(type=kind).is_final() else None
    return FlowRun(flow_id=uuid.uuid4(), end_time=ended, state=State(type=kind, timestamp=moment))


@pytest.mark.parametrize("kind", [StateType.FAILED, StateType.CANCELLED, StateType.CRASHED, StateType.COMPLETED])
def test_the_folder_of_a_run_that_ended_long_ago_is_removed(kind: StateType) -> None:
    folder = judge_folder(TOKEN, 15, run(kind, 15), False, 14, NOW)
    assert folder.removed and "for 15 days" in folder.why


@pytest.mark.parametrize(
    ("days", "known", "in_queue", "why"),
    [
        (99, None, False, "knows no run"),
        (99, run(StateType.PAUSED, 99), False, "Paused"),
        (99, run(StateType.RUNNING, 99), False, "Running"),
        (99, run(StateType.FAILED, 99), True, "Slurm still has a job"),
        (13, run(StateType.FAILED, 99), False, "kept for 14 days"),
        (99, run(StateType.FAILED, 13), False, "kept for 14 days"),
    ],
)
def test_anything_less_certain_is_kept_with_the_reason(
    days: float, known: FlowRun | None, in_queue: bool, why: str
) -> None:
    folder = judge_folder(TOKEN, days, known, in_queue, 14, NOW)
    assert not folder.removed and why in folder.why
