"""The pending orders of a BIOMERO database, as a source of a batch."""

from __future__ import annotations

from prefect.client.orchestration import get_client

from blocks.biomero_database import BiomeroDatabase
from tasks.batch_run import BatchRun
from tasks.biomero_bridge import BIOMERO_BLOCK, open_bridge
from tasks.order_run import load_block


async def place_pending_orders(batch: BatchRun) -> int:
    """Place every pending order as a run of its own, as the bridge does; returns how many.

    They are not imported by the batch itself: BIOMERO's Monitor follows each of them to its end.

    Raises:
        FailureError: NOT_CONFIGURED, BIOMERO_UNREACHABLE, BIOMERO_REFUSED.
    """
    block = await load_block(BiomeroDatabase, BIOMERO_BLOCK)
    placed = 0
    async with get_client() as client:
        with open_bridge(block, batch.storage, client) as bridge:
            while taken := await bridge.cross():
                placed += taken
    return placed
