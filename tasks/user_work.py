"""What a user's order or run shares inside one process: its OMERO session, the image storage, the sign to stop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar
from uuid import UUID

from prefect import get_run_logger

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, fail
from tasks.order_lock import hold, order_lock_path

#: A cancelled process is killed 30 s after it was told to end; what must be undone is undone before.
UNDO_SECONDS = 25.0

P = ParamSpec("P")
R = TypeVar("R")


class UserWork:
    """The work of one user in one group under one token. Not a value: never stored, never hashed.

    `stop` is set when the run is cancelled; whoever waits or streams looks at it.
    """

    def __init__(
        self,
        token: UUID,
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        self.token = token
        self.server = server
        self.session = session
        self.storage = storage
        self.stop = stop or threading.Event()

    @property
    def group(self) -> str:
        return self.session.group

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
        """Work under this token while no other process does, on any machine."""
        path = order_lock_path(self.storage.folder(self.group), str(self.token))
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
