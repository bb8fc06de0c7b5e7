"""kill -9 at every step of a run: of its process, then of the worker and the cluster's watcher with it.

Each run stands at another brake when all are struck; they are waited for together.
"""

from __future__ import annotations

import pytest

from sandbox.site import Site
from tests.chaos.analysis.cluster_brake import ClusterBrake
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath
from tests.chaos.brake import Standing, release_all, set_brakes, wait_until_all_reached

pytestmark = pytest.mark.timeout(1200)

#: The steps of one run as OMERO sees them; those after the job are looked at more closely in tests/sandbox/results.
#: Each brake, of OMERO's and of the cluster's, catches the first run that comes: as many runs as brakes end up at one
#: brake each.
IN_OMERO = (
    "ISession.createSessionWithTimeout.before",  # plan: may the user?
    "Router.destroySession.before",  # the run is suspended, its process has not ended
    "ManagedRepository.importFileset.after",  # results: a fileset is there, and nobody was told
    "SharedResources.newTable.after",  # a table without columns
    "IUpdate.saveAndReturnArray.after",  # annotated, and nobody was told
    "ThumbnailStore.setPixelsId.before",  # report
)
ON_CLUSTER = (
    "dd@.partial.middle",  # stage: half of the inputs are there
    "chmod@run.after",  # staged, and nobody was told
    "squeue@out.before",  # how did the job end?
    "tar@out.before",  # retrieve
    "rm@scratch.after",  # tidied, and nobody was told
)
#: sbatch is ended after 90 s: these runs are placed when the others stand where they should.
SUBMISSION = (
    "sbatch@attempt-1.before",  # the intent is written down, Slurm knows nothing
    "sbatch@attempt-1.after",  # Slurm has the job, and nobody was told
)


def test_killed_at_every_step(site: Site, runs: RunDesk) -> None:
    brakes: list[Standing] = [*set_brakes(site, IN_OMERO), *(ClusterBrake(site, point) for point in ON_CLUSTER)]
    placed = _place(runs, len(brakes))
    wait_until_all_reached(brakes)
    submission: list[Standing] = [ClusterBrake(site, point) for point in SUBMISSION]
    placed += _place(runs, len(submission))
    wait_until_all_reached(submission)

    with_worker = placed[1::2]
    for one in placed[::2]:
        one.kill()
    for one in placed[::2]:
        one.wait_for_state("Crashed")
    site.kill("analysis-worker")
    site.kill("housekeeper")
    for one in with_worker:
        one.kill()
    for watcher in runs.watchers():
        watcher.kill()
    release_all([*brakes, *submission])

    for one in placed:
        one.wait_until_ended()
        assert one.starts() >= 2, one.describe()
    check_run_aftermath(runs, *map(RunEnding, placed))


def _place(runs: RunDesk, count: int) -> list[PlacedRun]:
    return runs.place(*(runs.make_run() for _ in range(count)))
