"""What all orders of one batch share inside one process: the outside systems, one OMERO session a user and group."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client

from blocks.container_engine import ContainerEngine
from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.failures import Failure, FailureCategory, FailureError
from contracts.import_order import ImportOrder
from tasks.order_run import ENGINE_BLOCK, OrderRun, load_block, load_blocks


class BatchRun:
    """One batch. Not a value: never stored, never hashed.

    `began`: when its flow run was first started; an attempt that was killed belongs to it. `earlier`: the same, where
    there was such an attempt; what it imported is the batch's own.
    `stop` is set when the batch is cancelled. `away` is the failure that says that OMERO or the storage did not come
    back in time: what is left is reported with it, instead of being tried file by file.
    """

    def __init__(self, server: OmeroServer, storage: ImageStorage, began: datetime, *, is_first_attempt: bool) -> None:
        self.server = server
        self.began = began
        self.earlier = None if is_first_attempt else began
        self.storage = storage
        self.engine: ContainerEngine | None = None
        self.stop = threading.Event()
        self.away: Failure | None = None
        self._sessions: dict[tuple[str, str], OmeroSession] = {}
        self._open = ExitStack()

    def order_run(self, order: ImportOrder) -> OrderRun:
        """An order of the batch, with its user's session."""
        key = (order.user, order.group)
        if key not in self._sessions:
            self._sessions[key] = self._open.enter_context(self.server.as_user(*key))
        return OrderRun(order, self.server, self._sessions[key], self.storage, self.engine, stop=self.stop)

    async def load_engine(self, orders: Sequence[ImportOrder]) -> None:
        """The container engine, where an order needs one and the site has one; without it those files fail."""
        if any(order.needs_containers for order in orders):
            try:
                self.engine = await load_block(ContainerEngine, ENGINE_BLOCK)
            except FailureError as error:
                if error.failure.category is not FailureCategory.NOT_CONFIGURED:
                    raise

    def close(self) -> None:
        self.stop.set()
        self._open.close()


@asynccontextmanager
async def begin_batch() -> AsyncIterator[BatchRun]:
    """Load the blocks and begin; sessions open at first use and end with the batch.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    async with get_client() as client:
        run = await client.read_flow_run(UUID(str(runtime.flow_run.id)))
    began = run.start_time or datetime.now(UTC)
    batch = BatchRun(*await load_blocks(), began, is_first_attempt=run.run_count <= 1)
    try:
        yield batch
    finally:
        batch.close()
