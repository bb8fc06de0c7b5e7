"""From a row of BIOMERO's front end to an image in OMERO, and back to the rows that its Monitor shows."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring
from prefect.states import Cancelled

from blocks.biomero_orders import CLAIMED
from contracts.deployment_names import BIOMERO_BRIDGE
from flows.bridge_biomero import bridge_biomero
from sandbox.site import Site
from tests.chaos.desk import Desk, Placed
from tests.chaos.waiting import LONG, wait_for
from tests.sandbox.biomero.database import FrontEnd
from tests.sandbox.biomero.test_orders import claim_and_die
from tests.sandbox.import_order.converter_container import IMAGE, make_image

ENDED = ("Import Completed", "Import Failed")


@dataclass(frozen=True)
class Ground:
    """A front end, the bridge's block under a name of its own, and a Dataset of alice's."""

    front_end: FrontEnd
    desk: Desk
    folder: Path
    gateway: BlitzGateway
    dataset: int
    block: str

    def image(self, name: str) -> Path:
        tifffile.imwrite(self.folder / name, np.arange(48 * 64, dtype=np.uint16).reshape(48, 64))
        return self.folder / name

    def order(self, *files: Path | str, preprocessing: int | None = None, **columns: str) -> str:
        paths = [self.folder / file for file in files]
        given = {"destination_id": str(self.dataset), **columns}
        return self.front_end.order(paths, preprocessing=preprocessing, **given)

    async def bridge_until(self, what: str, done: Callable[[], bool]) -> None:
        """Two bridges at once, again and again, each for one round."""
        deadline = time.monotonic() + LONG
        while not await asyncio.to_thread(done):
            assert time.monotonic() < deadline, f"waited for {what}"
            states = await asyncio.gather(
                *(bridge_biomero(database=self.block, minutes=0, return_state=True) for _ in range(2))
            )
            assert all(state.is_completed() for state in states), states

    def images(self) -> list[str]:
        """Names of what is in the Dataset, each as often as it is there."""
        dataset = self.gateway.getObject("Dataset", self.dataset)
        return sorted(str(image.getName()) for image in dataset.listChildren())

    def runs(self, token: str) -> int:
        return len(self.desk.find_runs(uuid.UUID(token)))


@pytest.fixture
async def ground(site: Site, front_end: FrontEnd, order_folder: Path) -> AsyncIterator[Ground]:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp)
    assert await asyncio.to_thread(gateway.connect), gateway.getLastError()
    try:
        gateway.c.enableKeepAlive(30)
        made = DatasetI()
        made.setName(rstring(f"From BIOMERO {uuid.uuid4().hex[:8]}"))
        saved = gateway.getUpdateService().saveAndReturnObject(made)
        name = f"biomero-{uuid.uuid4().hex[:8]}"
        await front_end.block.asave(name)
        yield Ground(front_end, Desk(site), order_folder, gateway, saved.getId().getValue(), name)
    finally:
        await asyncio.to_thread(gateway.close)


async def test_orders_become_images_whatever_happens_to_the_bridge(ground: Ground) -> None:
    """One order's bridge dies after its claim, the deployed bridge dies at work, and two others finish together."""
    stages = ground.front_end.stages
    first = ground.order(ground.image("first.tif"))
    claim_and_die(ground.front_end)
    assert stages(first) == ["Import Pending", "Import Started"]

    deployment = ground.desk.client.read_deployment_by_name(BIOMERO_BRIDGE)
    run = ground.desk.client.create_flow_run_from_deployment(
        deployment.id, parameters={"database": ground.block, "minutes": 20}
    )
    deployed = Placed(ground.desk, uuid.UUID(int=0), run.id)
    await asyncio.to_thread(
        wait_for, "the first order to be placed", lambda: ground.runs(first), explain=deployed.describe
    )
    tokens = [first, *(ground.order(ground.image(f"{number}.tif")) for number in range(3))]
    deployed.kill()
    # The schedule would start the next one; this one must not come back beside the test's own.
    ground.desk.client.set_flow_run_state(run.id, Cancelled(), force=True)
    tokens.append(ground.order(ground.image("last.tif")))

    await ground.bridge_until("all orders to end", lambda: all(stages(token)[-1] in ENDED for token in tokens))
    for token in tokens:
        assert ground.front_end.monitor(token) == [
            ("Import Pending", ""),
            ("Import Started", CLAIMED),
            ("Import Completed", "1 of 1 files imported as 1 object"),
        ]
        assert ground.runs(token) == 1
    assert ground.images() == ["0.tif", "1.tif", "2.tif", "first.tif", "last.tif"]


async def test_an_odd_order_says_why_and_a_mended_one_is_tried_again(ground: Ground) -> None:
    """Odd rows keep nobody waiting: nothing of them is placed. What fails in its run can be set back to Pending."""
    monitor, good = ground.front_end.monitor, ground.order(ground.image("good.tif"))
    odd = {
        ground.order("a.tif", token="order 7"): "'order 7' is no UUID",
        ground.order("a.tif", destination_id="siRNA"): "'siRNA' is no number",
        ground.order("a.tif", group_name="lab-b"): "is not inside the folder of the order's group",
        ground.front_end.order("a.tif"): "no JSON",
    }
    missing = ground.order("forgotten.tif", "good.tif")

    def all_told() -> bool:
        return all(monitor(token)[-1][0] in ENDED for token in (good, missing, *odd))

    await ground.bridge_until("all orders to end", all_told)
    for token, why in odd.items():
        assert [stage for stage, _ in monitor(token)] == ["Import Pending", "Import Started", "Import Failed"]
        assert why in monitor(token)[-1][1]
    assert monitor(good)[-1][0] == "Import Completed"
    stage, said = monitor(missing)[-1]
    assert stage == "Import Failed"
    assert "1 of 2 files imported" in said
    assert "forgotten.tif" in said

    ground.image("forgotten.tif")
    ground.front_end.connection.execute(
        "UPDATE imports SET stage = 'Import Pending' WHERE uuid = %s AND stage = 'Import Failed'", (missing,)
    )
    await ground.bridge_until("the mended order", lambda: monitor(missing)[-1][0] == "Import Completed")
    assert ground.images() == ["forgotten.tif", "good.tif", "good.tif"]
    assert ground.runs(missing) == 1


async def test_a_converter_of_biomero_runs_with_its_parameters(ground: Ground, site: Site) -> None:
    """Its stage is told too; all that it makes comes into OMERO (BIOMERO imports the first output alone)."""
    make_image(site)
    conversion = ground.front_end.preprocessing(IMAGE, {"behave": "nothing"})
    token = ground.order(ground.image("plate.tif"), preprocessing=conversion)
    await ground.bridge_until("the order to end", lambda: len(ground.front_end.stages(token)) == 4)
    assert ground.front_end.monitor(token) == [
        ("Import Pending", ""),
        ("Import Started", CLAIMED),
        ("Import Preprocessing", ""),
        ("Import Completed", "1 of 1 files imported as 2 objects"),
    ]
    assert ground.images() == ["cells, 1st", "cells, 2nd"]
