"""A person retries a run of which some tasks failed: those alone are done again, in a second job."""

from __future__ import annotations

import pytest
from prefect.client.schemas.objects import StateType

from contracts.slurm_job import Outcome
from sandbox.cluster.machine import Machine
from tests.chaos.analysis.copy_workflow import SCRIPT_FILE
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath

pytestmark = pytest.mark.timeout(900)


def test_failed_tasks_alone_are_done_again(runs: RunDesk) -> None:
    run = runs.make_run(runs.small, batch_size=1)
    images = run.inputs.images
    told = (Machine(runs.site.home).containers / SCRIPT_FILE).with_name(f"fail-{run.uuid}-1")
    told.touch()
    [placed] = runs.place(run)
    placed.wait_until_ended()
    check_run_aftermath(runs, RunEnding(placed, StateType.FAILED, images=(images[0], images[2])))
    assert _outcomes(placed) == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SUCCEEDED]

    told.unlink()
    runs.retry([placed])
    placed.wait_for_state("Completed", "Failed")
    check_run_aftermath(runs, RunEnding(placed, jobs=2))
    report = placed.report()
    assert report is not None and report.job is not None
    assert (report.job.attempt, report.job.tasks) == (2, (1,))


def _outcomes(placed: PlacedRun) -> list[Outcome]:
    report = placed.report()
    assert report is not None
    return [verdict.outcome for verdict in report.verdicts]
