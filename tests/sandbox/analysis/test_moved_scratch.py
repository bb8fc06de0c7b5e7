"""An administrator names another scratch folder while runs wait in the queue: none of them is lost, nothing is left."""

from __future__ import annotations

import uuid

import pytest

from sandbox.cluster.machine import Machine
from tests.chaos.site_blocks import cluster_changed
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.conftest import RunDesk

pytestmark = pytest.mark.timeout(900)


def test_runs_that_wait_keep_the_folder_they_were_made_in(desk: RunDesk) -> None:
    machine, access = Machine(desk.site.home), desk.site.cluster
    assert access is not None
    wanted, unwanted = (desk.make_run(resources={"partition": "low"}) for _ in range(2))
    folders = " ".join(f"{access.scratch}/{run.uuid}" for run in (wanted, unwanted))
    machine.ask("scontrol", "update", "PartitionName=low", "State=DOWN")
    try:
        placed, cancelled = desk.place(wanted), desk.place(unwanted)
        for one in (placed, cancelled):
            desk.wait_for_state(one, "Suspended")
        with cluster_changed(desk.site, scratch=f"{access.scratch}/moved-{uuid.uuid4().hex[:8]}", keep_failed_days=0):
            desk.end_watchers()
            assert desk.command("cancel", str(unwanted.uuid)).returncode == 0
            wait_for("the job to be ended by the watcher", lambda: not desk.queue(unwanted))
            machine.ask("scontrol", "update", "PartitionName=low", "State=UP")
            desk.wait_for_state(placed, "Completed", "Failed")
            assert desk.report(wanted).succeeded, desk.report(wanted)
            desk.wait_for_state(desk.start("tidy-cluster/tidy-cluster"), "Completed")
    finally:
        machine.ask("scontrol", "update", "PartitionName=low", "State=UP")
        desk.end_watchers()
    left = machine.ask("sh", "-c", f"ls -d {folders}")
    assert not left.stdout, f"tidied, both: {left.stdout}"
