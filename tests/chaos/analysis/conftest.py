"""What the fault tests of analysis runs share: images of alice's, a workflow that takes no time, and brakes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring

from sandbox.cluster.machine import Machine
from sandbox.site import Site
from tests.chaos.analysis import copy_workflow
from tests.chaos.analysis.cluster_brake import install_brakes, release_brakes
from tests.chaos.analysis.placed_runs import RunDesk
from tests.chaos.site_blocks import cluster_changed, workflow_added

SMALL = 3


@pytest.fixture(scope="package")
def runs(site: Site) -> Iterator[RunDesk]:
    """A desk, on a cluster whose commands can be braked."""
    if site.cluster is None:
        pytest.skip("the site has no cluster; `omero-flows sandbox status` says why")
    _install_workflow(site)
    changes = {**copy_workflow.CLUSTER, "slurm_folder": install_brakes(site)}
    with (
        cluster_changed(site, **changes),
        workflow_added(site, copy_workflow.NAME, copy_workflow.entry()),
    ):
        *small, large = _make_images(site)
        yield RunDesk(site, small, large)


@pytest.fixture(autouse=True)
def no_cluster_brake_is_left(runs: RunDesk) -> Iterator[None]:
    """A test that fails must not stop the next one's runs."""
    yield
    release_brakes(runs.site)
    runs.release_jobs()


def _install_workflow(site: Site) -> None:
    file = Machine(site.home).containers / copy_workflow.SCRIPT_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(copy_workflow.SCRIPT)
    account = Machine(site.home).containers.stat()
    for place in (file.parent, file):
        os.chown(place, account.st_uid, account.st_gid)


def _make_images(site: Site) -> list[int]:
    """Small images and a large one, in a dataset of their own."""
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp)
    assert gateway.connect(), gateway.getLastError()
    try:
        unsaved = DatasetI()
        unsaved.setName(rstring(f"runs {uuid.uuid4()}"))
        made_dataset = gateway.getUpdateService().saveAndReturnObject(unsaved)
        dataset = gateway.getObject("Dataset", made_dataset.id.val)
        made = []
        for number, size in enumerate([48] * SMALL + [1500]):
            plane = np.random.default_rng(number).integers(0, 4000, (size, size), np.uint16)
            image = gateway.createImageFromNumpySeq(iter([plane]), f"cells {number}", dataset=dataset)
            made.append(int(image.getId()))
        return made
    finally:
        gateway.close()
