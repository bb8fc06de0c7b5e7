"""An analysis where there is no Slurm: the same flow, the same block, and behind it the local job runner."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.slurm_job import Witness
from contracts.slurm_state import JobState
from sandbox.local_cluster.place import LocalPlace
from sandbox.site import Site
from sandbox.workflows.__main__ import WORKFLOWS
from sandbox.workflows.direct_run import IMAGE_ENDING, run_template, write_image
from tests.chaos.site_blocks import cluster_changed
from tests.sandbox.analysis.conftest import RunDesk

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def local_cluster(desk: RunDesk, tmp_path: Path) -> Iterator[LocalPlace]:
    """The site's runs go to a local job runner, which runs workflows in no container."""
    other = Site(tmp_path, bound_to_me=True, cluster="local")
    try:
        other.start(["slurm"])
        access, place = other.cluster, LocalPlace(other.home)
        assert access is not None and access.local is not None
        for workflow in WORKFLOWS:
            write_image(place.registry, workflow)
        fields = {name: getattr(access, name) for name in ("host", "port", "user", "known_hosts", "scratch")}
        with cluster_changed(
            desk.site,
            **fields,
            private_key=SecretStr(access.private_key),
            images=access.containers,
            mounts={},
            container_command=run_template(),
            image_ending=IMAGE_ENDING,
            image_pull=f"cp {shlex.quote(access.registry)}/{{file}} {{destination}}",
        ):
            desk.end_watchers()
            yield place
    finally:
        other.stop()
        desk.end_watchers()


def test_nuclei_come_back_from_a_machine_without_slurm(desk: RunDesk, local_cluster: LocalPlace) -> None:
    made = desk.command("cluster", "set-up")
    assert made.returncode == 0 and IMAGE_ENDING in made.stdout, made.stdout
    run = desk.make_run(batch_size=1)
    placed = desk.place(run)
    desk.wait_for_state(placed, "Suspended")
    desk.wait_for_state(placed, "Completed", "Failed")
    report = desk.report(run)
    assert report.succeeded and {result.input for result in report.results} == set(desk.images), report
    for verdict in report.verdicts:
        assert (verdict.state, verdict.witness) == (JobState.COMPLETED, Witness.JOB)
        assert verdict.accounting is not None and verdict.accounting.cpu_seconds > 0
    assert not list(local_cluster.scratch.glob(str(run.uuid))), "tidied"
