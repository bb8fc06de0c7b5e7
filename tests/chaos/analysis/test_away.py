"""The cluster, or OMERO, is away for longer than a step is tried again: the run waits without a process and goes on."""

from __future__ import annotations

import pytest

from sandbox.site import Site
from tests.chaos.analysis.cluster_brake import ClusterBrake
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)


def test_cluster_and_omero_stay_away(site: Site, runs: RunDesk) -> None:
    """The login node goes in the middle of one run's staging; OMERO is gone when another's results arrive."""
    runs.hold_jobs()
    [suspended] = runs.place(runs.make_run())
    suspended.wait_for_state("Suspended")
    staging = ClusterBrake(site, "dd@.partial.middle")
    [cut] = runs.place(runs.make_run([runs.large]))
    staging.wait_until_reached()
    site.hold("sshd")
    _wait_for_waiting(cut, "Waiting for the cluster")

    site.hold("omero", kill=True)
    site.release("sshd", seconds=120)
    staging.release()
    runs.release_jobs()
    _wait_for_waiting(suspended, "Waiting for OMERO")
    site.release("omero", seconds=120)

    for placed in (cut, suspended):
        _hurry(placed)
    for placed in (cut, suspended):
        placed.wait_until_ended()
    check_run_aftermath(runs, RunEnding(cut), RunEnding(suspended))


def _wait_for_waiting(placed: PlacedRun, state: str) -> None:
    """Until the run says for whom it waits and when it tries again, and nothing of it runs."""
    placed.wait_for_state(state)
    message = placed.state().message
    assert message is not None and "next attempt at" in message
    wait_for("the waiting run to have no process", lambda: not placed.processes(), explain=placed.describe)


def _hurry(placed: PlacedRun) -> None:
    """A person does not want to wait for the pause's end; which may come before the command does."""
    command = placed.desk.command("retry", str(placed.token))
    output, _ = command.communicate(timeout=300)
    assert "It tries again now" in output or "has not ended" in output, output
