"""Take over the history of a BIOMERO site, so that its UUIDs go on answering; at any time again."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.biomero_database import BiomeroDatabase
from blocks.image_storage import ImageStorage
from blocks.omero_accounts import read_accounts
from blocks.omero_server import OmeroServer
from tasks.biomero_bridge import BIOMERO_BLOCK
from tasks.biomero_history import HistoryKeeper
from tasks.order_run import OMERO_BLOCK, STORAGE_BLOCK, load_block


@flow(name="biomero-history", flow_run_name="history of {database}", persist_result=False)
async def biomero_history(database: str = BIOMERO_BLOCK) -> State[Any]:
    """Read every order and workflow of the database, and keep those that are not in the run history yet.

    Args:
        database: name of the BiomeroDatabase block.
    """
    block = await load_block(BiomeroDatabase, database)
    storage = await load_block(ImageStorage, STORAGE_BLOCK)
    accounts = await asyncio.to_thread(read_accounts, await load_block(OmeroServer, OMERO_BLOCK))
    async with get_client() as client:
        keeper = HistoryKeeper(client, storage, block.mount, accounts)
        with block.connect() as connection:
            await keeper.keep_all(connection)
    return Completed(message=f"{keeper.tally}.")
