"""The connection to the cluster is cut in the middle of staging, of sbatch and of retrieving."""

from __future__ import annotations

import pytest

from blocks.submission import DOUBT_SECONDS
from sandbox.site import Site
from tests.chaos.analysis.cluster_brake import ClusterBrake
from tests.chaos.analysis.placed_runs import PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath

pytestmark = pytest.mark.timeout(1200)

#: Where, and what becomes of the script that is cut off.
CUTS = (
    ("dd@.partial.middle", "cut"),  # stage: half of a large file is there
    ("sbatch@attempt-1.before", "cut and die"),  # Slurm never hears of the job
    ("sbatch@attempt-1.after", "cut"),  # Slurm has it; sbatch's reply is written down, and nobody is told
    ("sbatch@attempt-1.after", "cut and die"),  # Slurm has it; the reply is lost
    ("head@out.middle", "cut"),  # retrieve: half of a large file is here
)
UNHEARD = 1


def test_cut_in_the_middle(site: Site, runs: RunDesk) -> None:
    orders = [runs.make_run([runs.large], parameters={"bytes": 3 << 20}) for _ in CUTS]
    brakes = [ClusterBrake(site, point, what, run=run.uuid) for (point, what), run in zip(CUTS, orders, strict=True)]
    placed = runs.place(*orders)
    brakes[UNHEARD].wait_until_reached()
    _outlast_doubt(placed[UNHEARD])
    for brake in brakes:
        brake.wait_until_reached()
    for one in placed:
        one.wait_until_ended()
        assert not [state for state in one.history() if state.is_crashed()], one.describe()
    check_run_aftermath(runs, *map(RunEnding, placed))


def _outlast_doubt(placed: PlacedRun) -> None:
    """Let the intent to submit be so old that a second sbatch is sure to be the only one."""
    intent = placed.scratch / "attempt-1" / "submit.intent"
    intent.write_text(f"{int(intent.read_text()) - DOUBT_SECONDS - 1}\n")
