"""What a run's states say of it: retried, cancelled, resumed, waiting for somebody who is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.schemas.objects import State, StateType

from tasks.outage import PATIENCE, PAUSES, next_attempt
from tasks.run_clock import RunHistory, history_of

BEGAN = datetime(2026, 11, 25, 8, tzinfo=UTC)


def at(minute: float) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def states(*named: tuple[float, str]) -> list[State[Any]]:
    return [State(type=StateType.RUNNING, name=name, timestamp=at(minute)) for minute, name in named]


def test_a_failed_run_is_attempted_again_once_a_person_asks() -> None:
    history = history_of(states((0, "Running"), (5, "Failed"), (9, "AwaitingRetry"), (9.5, "Running")))
    assert history.asks_for_another(submitted=at(1), judged=at(4.9))
    assert not history.asks_for_another(submitted=at(10), judged=at(12)), "that retry has had its attempt"


def test_a_retry_for_another_reason_allows_no_second_attempt() -> None:
    """Staging failed and was retried: the first job came after that, and nobody has asked for a second one."""
    history = history_of(states((0, "Running"), (1, "Failed"), (2, "AwaitingRetry"), (3, "Running")))
    assert not history.asks_for_another(submitted=at(4), judged=at(30))


def test_a_job_that_was_cancelled_with_its_run_is_over_before_it_is_judged() -> None:
    history = history_of(states((0, "Running"), (2, "Suspended"), (3, "Cancelled"), (8, "AwaitingRetry")))
    assert history.asks_for_another(submitted=at(1), judged=at(9))
    assert history.retried_after_cancelling
    cancelled_again = history_of(states((3, "Cancelled"), (8, "AwaitingRetry"), (9, "Cancelling")))
    assert not cancelled_again.retried_after_cancelling


def test_waits_count_from_the_last_resumption() -> None:
    told = states(
        (0, "Waiting for the cluster"), (1, "Running"), (2, "Suspended"), (60, "Resuming"), (61, "Waiting for OMERO")
    )
    assert history_of(told[::-1]).waits == (at(61),)


def test_pauses_grow_and_patience_ends() -> None:
    waits: tuple[datetime, ...] = ()
    now, tried = BEGAN, []
    while (again := next_attempt(RunHistory(waits=waits), now)) is not None:
        tried.append(again - now)
        waits, now = (*waits, now), again
    assert tuple(tried[: len(PAUSES)]) == PAUSES
    assert set(tried[len(PAUSES) :]) == {PAUSES[-1]}
    assert PATIENCE < now - BEGAN <= PATIENCE + PAUSES[-1]
