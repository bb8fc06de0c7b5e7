"""How long a run has patience with its job, and how often it looks."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import JobStanding
from tasks.job_deadlines import find_deadlines, is_given_up
from tests.unit.blocks.cluster_block import cluster

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SITE = cluster(poll_seconds_least=10.0, unknown_minutes=60, stuck_minutes=90)
JOB = SubmittedJob(token=uuid.uuid4(), attempt=1, number=4711, tasks=(0,), submitted=NOW)


def stuck_since(minutes: int | None) -> JobStanding:
    since = None if minutes is None else NOW - timedelta(minutes=minutes)
    return JobStanding(job=JOB, waiting=1, stuck="an administrator holds it", stuck_since=since)


def test_the_looks_come_at_twice_the_distance_until_the_deadline() -> None:
    resumed, now = NOW, NOW + timedelta(seconds=1)
    looks = []
    while not (found := find_deadlines(SITE, now, resumed, None)).overdue:
        now = found.look_again
        looks.append(round((now - resumed).total_seconds()))
    assert looks == [11, 22, 44, 88, 176, 352, 704, 1408, 2816, 3600]


def test_a_run_that_was_never_resumed_has_all_its_time_before_it() -> None:
    found = find_deadlines(SITE, NOW, None, None)
    assert (found.overdue, found.look_again) == (False, NOW + timedelta(seconds=10))


def test_a_job_is_given_up_only_after_it_has_been_stuck_for_long() -> None:
    assert [is_given_up(SITE, stuck_since(minutes), NOW) for minutes in (None, 89, 90)] == [False, False, True]
    assert not find_deadlines(SITE, NOW, None, stuck_since(89)).given_up
    assert find_deadlines(SITE, NOW, None, stuck_since(91)).given_up


def test_people_are_told_what_is_stuck_since_when_and_what_to_do() -> None:
    assert stuck_since(60).summary == (
        "Slurm job 4711: 1 waiting (an administrator holds it). It does not begin by itself: let the cluster's"
        " administrators see to it, or cancel the run. So since 23 Nov 07:00 UTC."
    )
    doubted = JobStanding(job=JOB, ended=1, look_again=NOW)
    assert doubted.summary == (
        "Slurm job 4711: not in the queue any more, and nobody can tell yet how it ended;"
        " it is looked for again at 08:00 UTC"
    )
