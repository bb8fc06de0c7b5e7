"""Slurm forgets everything, and gives the numbers of our jobs to other people's: no other job's state is ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from contracts.failures import FailureCategory
from contracts.run_results import ResultKind
from contracts.slurm_job import Outcome, Witness
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.conftest import RunDesk
from tests.sandbox.analysis.told_jobs import RESULT, UNTIL_GO, ToldCluster, told_cluster

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def cluster(desk: RunDesk) -> Iterator[ToldCluster]:
    with told_cluster(desk, unknown_minutes=1) as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("accounting", "category", "witness"),
    [
        # A controller that begins with nothing has the accounting end what it had not ended.
        pytest.param(True, FailureCategory.JOB_CANCELLED, Witness.SACCT, id="slurmdbd"),
        pytest.param(False, FailureCategory.JOB_UNKNOWN, Witness.NOBODY, id="no slurmdbd"),
    ],
)
def test_a_number_that_comes_again_is_another_job(
    cluster: ToldCluster, accounting: bool, category: FailureCategory, witness: Witness
) -> None:
    """One job had not begun and is lost; one had ended, and nobody had looked yet."""
    if not accounting:
        cluster.deploy(accounting=False)
    lost = cluster.place(RESULT, where="told-later")
    ended = cluster.place(f"{UNTIL_GO}; {RESULT}")
    for run in (lost, ended):
        run.job()
        cluster.desk.wait_for_state(run.flow_run, "Suspended")
    ended.wait_until_begun()
    cluster.site.hold("sshd")
    try:
        ended.go()
        wait_for("the job's own word", (ended.folder / "attempt-1" / "0.exitcode").exists)
        # A node on which a job is still ending takes no other with its number: it is drained as "Duplicate jobid".
        wait_for("Slurm to have heard of its end", lambda: ended.shown()["JobState"] == "COMPLETED")
        _reset(cluster)
        # Taken for ours, one that runs would be waited for, and one that failed would fail the run.
        _give_away(cluster, {lost.job(): "sleep 3600", ended.job(): "false"})
    finally:
        cluster.site.release("sshd")
    good, bad = ended.wait_until_ended(), lost.wait_until_ended()
    others = [run.shown() for run in (lost, ended)]
    cluster.admin("scancel", str(lost.job()))

    assert [(shown["JobName"], shown["JobState"]) for shown in others] == [("wrap", "RUNNING"), ("wrap", "FAILED")]
    assert good.state.is_completed(), good.report
    (verdict,) = good.report.verdicts
    assert (verdict.outcome, verdict.witness) == (Outcome.SUCCEEDED, Witness.JOB)
    assert [result.kind for result in good.report.results] == [ResultKind.TABLE]
    (verdict,) = bad.report.verdicts
    assert bad.state.is_failed() and verdict.failure is not None
    assert (verdict.failure.category, verdict.witness) == (category, witness)
    assert not bad.report.results


def _reset(cluster: ToldCluster) -> None:
    """slurmctld begins with nothing, as after the loss of its disk."""
    cluster.site.hold("slurmctld")
    state = cluster.machine.spool / "slurmctld"
    shutil.rmtree(state)
    state.mkdir()
    cluster.site.release("slurmctld")


def _give_away(cluster: ToldCluster, commands: dict[int, str]) -> None:
    """Submit jobs until these numbers have come again, each for a job that does this."""
    words = ["--parsable", "--output=/dev/null", "--chdir=/tmp", "--mem=10"]
    number = 0
    while number < max(commands):
        number = int(cluster.admin("sbatch", *words, f"--wrap={commands.get(number + 1, 'true')}"))
