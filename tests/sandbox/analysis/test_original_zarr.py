"""A registered OME-Zarr through a whole run: the workflow sees its very bytes, sent or linked."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.run_results import ANALYZED
from sandbox.cluster.machine import Machine
from tests.chaos.analysis import copy_workflow
from tests.chaos.site_blocks import cluster_changed, workflow_added
from tests.sandbox.analysis.conftest import GROUP, RunDesk
from tests.sandbox.staging.staging_ground import Ground
from tests.sandbox.staging.test_original_zarr import DATA, register
from tests.unit.converters.test_ome_zarr_reader import make_store

pytestmark = pytest.mark.timeout(900)

#: Says the sum of every file that it is given, and where a link leads.
SCRIPT = """\
cd "$IN" && find -L . -type f -exec sha256sum {} + > "$OUT/sums.txt" && ls -l > "$OUT/list.txt"
"""


@pytest.fixture
def folder(desk: RunDesk) -> Path:
    return desk.site.storage / GROUP / f"registered-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def sums(desk: RunDesk, folder: Path) -> Iterator[str]:
    """A workflow that takes OME-Zarr alone; the cluster mounts one folder of the two."""
    script = Machine(desk.site.home).containers / "sums" / "sums_1.sh"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SCRIPT)
    account = script.parent.parent.stat()
    for place in (script.parent, script):
        os.chown(place, account.st_uid, account.st_gid)
    access = desk.site.cluster
    assert access is not None
    mounts = {str(folder / "mounted"): f"{access.storage}/{GROUP}/{folder.name}/mounted"}
    entry = copy_workflow.entry().model_copy(update={"image": "tests/sums:1", "zarr": True})
    with (
        cluster_changed(desk.site, **{**copy_workflow.CLUSTER, "mounts": mounts}),
        workflow_added(desk.site, "sums", entry),
    ):
        yield "sums"


def test_the_workflow_sees_the_same_bytes(desk: RunDesk, folder: Path, sums: str) -> None:
    ground = Ground(desk.site, folder, desk.gateway, desk.gateway)
    expected = set()
    images = []
    for where in ("mounted", "elsewhere"):
        store = make_store(folder / where / f"{where}.ome.zarr", DATA)
        images.append(register(ground, str(store)))
        for path in (path for path in store.rglob("*") if path.is_file()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            expected.add(f"{digest}  ./{images[-1]}_registered.ome.zarr/{path.relative_to(store)}")
    run = desk.make_run(
        workflow={"name": sums}, inputs={"images": images}, parameters={}, results={"import_images": False}
    )
    placed = desk.place(run)
    desk.wait_for_state(placed, "Completed", "Failed")
    assert desk.report(run).succeeded, desk.report(run)
    there = desk.site.storage / GROUP / ANALYZED / str(run.uuid) / "0"
    assert set((there / "sums.txt").read_text().splitlines()) == expected
    linked = [line for line in (there / "list.txt").read_text().splitlines() if " -> " in line]
    assert len(linked) == 1 and linked[0].endswith(f"/{GROUP}/{folder.name}/mounted/mounted.ome.zarr"), linked
