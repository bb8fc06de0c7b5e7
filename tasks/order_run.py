"""What the tasks of one order share inside one process."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from prefect.blocks.core import Block

from blocks.container_engine import ContainerEngine
from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from tasks.import_work import ImportWork

#: Names of the blocks that `omero-flows deploy` makes.
OMERO_BLOCK = STORAGE_BLOCK = ENGINE_BLOCK = "omero-flows"


class OrderRun(ImportWork):
    """One order with the outside systems it needs. Not a value: never stored, never hashed."""

    def __init__(
        self,
        order: ImportOrder,
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        engine: ContainerEngine | None,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__(
            order.uuid, order.destination, server, session, storage, hash_sources=order.hash_sources, stop=stop
        )
        self.order = order
        self.engine = engine


@asynccontextmanager
async def begin_order(order: ImportOrder) -> AsyncIterator[OrderRun]:
    """Load the blocks and begin; the OMERO session opens at first use and ends with the order."""
    server, storage = await load_blocks()
    engine = None
    if order.needs_containers:
        engine = await load_block(ContainerEngine, ENGINE_BLOCK)
    with server.as_user(order.user, order.group) as session:
        run = OrderRun(order, server, session, storage, engine)
        try:
            yield run
        finally:
            run.stop.set()


async def load_blocks() -> tuple[OmeroServer, ImageStorage]:
    """The site's OMERO server and image storage.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    return await load_block(OmeroServer, OMERO_BLOCK), await load_block(ImageStorage, STORAGE_BLOCK)


B = TypeVar("B", bound=Block)


async def load_block(block_type: type[B], name: str) -> B:
    """A block of the site.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    try:
        return await block_type.aload(name)
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Prefect has no block {block_type.get_block_type_slug()}/{name}.",
            detail=str(error),
            next_step="Run `omero-flows deploy --settings site.toml`.",
        ) from error
