"""How often a run has crashed since a person last looked at it."""

from __future__ import annotations

from prefect.states import AwaitingRetry, Crashed, Running, Scheduled

from tasks.crash_limit import count_crashes


def test_crashes_are_counted() -> None:
    assert count_crashes([Scheduled(), Running(), Crashed(), Scheduled(name="Restarted"), Running(), Crashed()]) == 2


def test_a_persons_retry_begins_anew() -> None:
    assert count_crashes([Running(), Crashed(), Crashed(), AwaitingRetry(), Running()]) == 0


def test_a_death_that_is_reported_twice_is_one_crash() -> None:
    first, second = (
        Crashed(message="Process exited with status code: -9."),
        Crashed(message="Flow run infrastructure exited with non-zero status code -9."),
    )
    assert count_crashes([Running(), first, Scheduled(name="Restarted"), second, Running()]) == 1
