"""What the tasks of one order share inside one process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

from prefect import get_run_logger
from prefect.blocks.core import Block

from blocks.container_engine import ContainerEngine
from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from tasks.order_lock import hold, order_lock_path

#: A cancelled process is killed 30 s after it was told to end; what must be undone is undone before.
UNDO_SECONDS = 25.0

P = ParamSpec("P")
R = TypeVar("R")


#: Names of the blocks that `omero-flows deploy` makes.
OMERO_BLOCK = STORAGE_BLOCK = ENGINE_BLOCK = "omero-flows"


class OrderRun:
    """One order with the outside systems it needs. Not a value: never stored, never hashed.

    `stop` is set when the run is cancelled; whoever waits or streams looks at it. `target` is the
    Dataset or Screen, once `target_lock`'s holder has found or made it.
    """

    def __init__(
        self,
        order: ImportOrder,
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        engine: ContainerEngine | None,
    ) -> None:
        self.order = order
        self.server = server
        self.session = session
        self.storage = storage
        self.engine = engine
        self.stop = threading.Event()
        self.target: Any = None
        self.target_lock = threading.Lock()

    def check_not_cancelled(self, doing: str) -> None:
        """Raise CANCELLED once the run has been cancelled."""
        if self.stop.is_set():
            raise fail(
                FailureCategory.CANCELLED,
                f"Cancelled before we could {doing}.",
                next_step="Retry the order if you want it after all.",
            )

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Work at this order while no other process does, on any machine."""
        path = order_lock_path(self.storage.folder(self.order.group), str(self.order.uuid))
        lock = hold(path, stopped=self.stop.is_set, log=get_run_logger())
        await self.in_thread(lock.__enter__)
        try:
            yield
        finally:
            lock.__exit__(None, None, None)

    async def in_thread(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Run blocking work in a thread. When cancelled, tell it to stop and wait for it to tidy up."""
        context = contextvars.copy_context()
        work = functools.partial(context.run, functools.partial(function, *arguments, **named))
        future = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.stop.set()
            await _outwait(future, UNDO_SECONDS)
            raise


async def _outwait(future: asyncio.Future[R], seconds: float) -> None:
    """Wait for work to tidy up, whatever cancels meanwhile: Prefect cancels the task and then its flow.

    The second cancellation used to end the OMERO session while the import's thread still needed it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not future.done() and (left := deadline - loop.time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future], timeout=left)


@asynccontextmanager
async def begin_order(order: ImportOrder) -> AsyncIterator[OrderRun]:
    """Load the blocks and begin; the OMERO session opens at first use and ends with the order."""
    server, storage = await load_blocks()
    engine = None
    if order.preprocessing is not None and not order.preprocessing.is_builtin:
        engine = await _load(ContainerEngine, ENGINE_BLOCK)
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
    return await _load(OmeroServer, OMERO_BLOCK), await _load(ImageStorage, STORAGE_BLOCK)


B = TypeVar("B", bound=Block)


async def _load(block_type: type[B], name: str) -> B:
    try:
        return await block_type.aload(name)
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Prefect has no block {block_type.get_block_type_slug()}/{name}.",
            detail=str(error),
            next_step="Run `omero-flows deploy --settings site.toml`.",
        ) from error
