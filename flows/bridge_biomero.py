"""The bridge to a BIOMERO site: its front ends go on writing orders into their database, and the orders are done here.

One process serves all orders. It lives for some minutes and is started again by its schedule, as the cluster's watcher
is. Two at a time, or one that is killed anywhere, do no harm: an order is claimed once and placed once.
"""

from __future__ import annotations

import time
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.biomero_database import BiomeroDatabase
from blocks.image_storage import ImageStorage
from blocks.omero_failures import describe
from contracts.deployment_names import BIOMERO_BRIDGE
from tasks.biomero_bridge import BIOMERO_BLOCK, BiomeroBridge, open_bridge
from tasks.cycle_times import publish_cycles
from tasks.order_run import STORAGE_BLOCK, load_block
from tasks.prefect_client import is_away
from tasks.watcher import dismiss_waiting_watchers


@flow(name="bridge-biomero", flow_run_name="bridge {database}", persist_result=False)
async def bridge_biomero(database: str = BIOMERO_BLOCK, minutes: float = 4.75) -> State[Any]:
    """Take orders, follow them and tell their stages, until the schedule starts the next bridge; one round at least.

    Args:
        database: name of the BiomeroDatabase block.
        minutes: how long it serves; a little less than the schedule's interval.
    """
    block = await load_block(BiomeroDatabase, database)
    storage = await load_block(ImageStorage, STORAGE_BLOCK)
    until = time.monotonic() + 60 * minutes
    taken = 0
    rounds: list[float] = []
    async with get_client() as client:
        await dismiss_waiting_watchers(client, BIOMERO_BRIDGE)
        with open_bridge(block, storage, client) as bridge:
            while True:
                began = time.monotonic()
                taken += await _cross(bridge)
                rounds.append(time.monotonic() - began)
                if time.monotonic() >= until:
                    break
                await bridge.wait(min(block.poll_seconds, max(0.0, until - time.monotonic())))
    await publish_cycles(BIOMERO_BRIDGE, rounds)
    return Completed(
        message=f"{taken} orders of BIOMERO were taken. The longest of {len(rounds)} rounds took {max(rounds):.2f} s."
    )


async def _cross(bridge: BiomeroBridge) -> int:
    try:
        return await bridge.cross()
    except Exception as error:
        if not is_away(error):
            raise
        # Prefect is away, perhaps restarted: what was claimed is placed in a later round, by this bridge or the next.
        get_run_logger().warning("Prefect does not answer: %s", describe(error))
        return 0
