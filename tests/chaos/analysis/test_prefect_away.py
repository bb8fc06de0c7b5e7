"""Prefect's server is away while many runs are suspended, for longer than its clients try again; their jobs end then.

OMERO_FLOWS_SUSPENDED_RUNS sets how many there are.
"""

from __future__ import annotations

import os
import time

import pytest

from sandbox.site import Site
from tests.chaos.analysis.first_halves import run_first_halves
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1800)

RUNS = int(os.environ.get("OMERO_FLOWS_SUSPENDED_RUNS", "6"))
#: Seconds; the length of the outage is the case itself. Prefect's client tries a request again for a minute.
OUTAGE = 100.0


def test_prefect_away_while_runs_are_suspended(site: Site, runs: RunDesk) -> None:
    runs.hold_jobs()
    placed = _suspend(site, runs)
    submitted = {one.token: one.queue() for one in placed}
    assert all(len(jobs) == 1 for jobs in submitted.values()), submitted

    site.hold("prefect", kill=True)
    began = time.monotonic()
    runs.release_jobs()
    for one in placed:
        wait_for(f"the job of {one} to end", lambda one=one: _has_ended(one))  # type: ignore[misc]
    time.sleep(max(0.0, OUTAGE - (time.monotonic() - began)))
    site.release("prefect", seconds=200)

    for one in placed:
        one.wait_until_ended(seconds=1500)
    check_run_aftermath(runs, *map(RunEnding, placed))
    for one in placed:
        assert one.jobs() == submitted[one.token], f"another job than before the outage\n{one.describe()}"


def _suspend(site: Site, runs: RunDesk) -> list[PlacedRun]:
    site.hold("analysis-worker")
    try:
        placed = runs.place(*(runs.make_run() for _ in range(RUNS)))
        run_first_halves(site, placed)
    finally:
        site.release("analysis-worker")
    for one in placed:
        one.wait_for_state("Suspended")
    return placed


def _has_ended(placed: PlacedRun) -> bool:
    """By the job's own word; Slurm is not asked for each."""
    return (placed.scratch / "attempt-1" / "0.exitcode").exists()
