"""A run is cancelled at each stage: nothing of it is left in Slurm, and a retry does all of it, once."""

from __future__ import annotations

import pytest
from prefect.client.schemas.objects import StateType

from sandbox.site import Site
from tests.chaos.analysis.cluster_brake import ClusterBrake
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath
from tests.chaos.brake import Brake, Standing, release_all, wait_until_all_reached

pytestmark = pytest.mark.timeout(1200)


def test_cancelled_at_each_stage(site: Site, runs: RunDesk) -> None:
    importing = Brake(site, "Import.objects.before")
    [imported] = runs.place(runs.make_run())
    importing.wait_until_reached()
    staged, staging = _stand_at(runs, "dd@.partial.middle")
    retrieved, retrieving = _stand_at(runs, "squeue@out.before")  # its job has ended well; its results are not here
    retrieving.wait_until_reached()
    runs.hold_jobs()
    [queued] = runs.place(runs.make_run())
    queued.wait_for_state("Suspended")
    # sbatch is ended after 90 s: these come last.
    unsent, sending = _stand_at(runs, "sbatch@attempt-1.before")  # sbatch goes on, and the job is ended right after it
    untold, telling = _stand_at(runs, "sbatch@attempt-1.after")
    brakes: list[Standing] = [staging, sending, telling]
    wait_until_all_reached(brakes)

    with_job_ended = [unsent, untold, queued]
    without_job, with_job_done = [staged], [retrieved, imported]
    everyone = [*with_job_ended, *without_job, *with_job_done]
    runs.cancel(everyone)
    for one in everyone:
        one.wait_for_state("Cancelling", "Cancelled")
    release_all([*brakes, retrieving, importing])
    for one in everyone:
        one.wait_until_ended()
    check_run_aftermath(
        runs,
        *(RunEnding(one, StateType.CANCELLED, jobs=1) for one in (*with_job_ended, *with_job_done)),
        *(RunEnding(one, StateType.CANCELLED, jobs=0) for one in without_job),
    )

    runs.release_jobs()
    runs.retry(everyone)
    for one in everyone:
        one.wait_for_state("Completed", "Failed", "Cancelled")
    check_run_aftermath(
        runs,
        *(RunEnding(one, jobs=2) for one in with_job_ended),
        *(RunEnding(one, jobs=1) for one in (*without_job, *with_job_done)),
    )


def _stand_at(runs: RunDesk, point: str) -> tuple[PlacedRun, ClusterBrake]:
    """A run that will stand at a brake of its own."""
    run = runs.make_run()
    brake = ClusterBrake(runs.site, point, run=run.uuid)
    [placed] = runs.place(run)
    return placed, brake
