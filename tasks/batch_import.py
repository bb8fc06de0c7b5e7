"""All orders of a batch, file by file: a few at once, and users in turn."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from uuid import UUID

from prefect import get_run_logger

from contracts.batch.report import BatchPart
from contracts.import_order import ImportOrder
from tasks.batch_order import BUSY_SECONDS, BatchOrder, Log
from tasks.batch_outcomes import BatchOutcomes
from tasks.batch_run import BatchRun
from tasks.batch_turns import Turns
from tasks.import_slot import ImportSlot
from tasks.prefect_client import is_away
from tasks.report import Progress

#: Files of a batch that are converted at once.
CONVERSIONS = max(1, (os.cpu_count() or 2) // 2)
#: Files that did not fail and are named in the report, beside the first of each order.
MOST_NAMED = 1000


class BatchImport:
    """The batch's orders on their way. Not a value: never stored, never hashed."""

    def __init__(self, batch: BatchRun) -> None:
        self._batch = batch
        self._log: Log = get_run_logger()
        self._works: list[BatchOrder] = []
        self._turns: Turns[BatchOrder] = Turns(())

    async def run(self, orders: Sequence[ImportOrder], token: UUID) -> None:
        """Import what is not there; the progress bar is the batch's, `token`. What fails is in the parts."""
        converting = asyncio.Semaphore(CONVERSIONS)
        spare = iter(range(MOST_NAMED))
        self._works = [
            BatchOrder(self._batch, order, BatchOutcomes(order.files, spare), converting, self._log) for order in orders
        ]
        self._turns = Turns((work.order.user, work, len(work.order.files)) for work in self._works)
        progress = _BatchProgress(sum(len(work.order.files) for work in self._works), self._log)
        await progress.begin(token)
        converts = any(order.preprocessing_of(file) is not None for order in orders for file in order.files)
        workers = self._batch.server.parallel_imports + (CONVERSIONS if converts else 0)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._take_turns(progress))
        finally:
            for work in self._works:
                work.close()

    async def _take_turns(self, progress: _BatchProgress) -> None:
        slot = ImportSlot(self._batch.server.limit_name, self._batch.stop, self._log)
        try:
            while not self._turns.is_empty:
                turn = self._turns.take(lambda work: work.not_before <= time.monotonic())
                if turn is None:
                    await slot.give_back()
                    await asyncio.sleep(BUSY_SECONDS)
                    continue
                work, index = turn
                if not await work.begin():
                    self._turns.put_back(work.order.user, work, index)
                    continue
                await work.import_file(index, slot)
                if work.has_ended:
                    await work.end()
                await progress.step()
        finally:
            await slot.give_back()

    def parts(self) -> tuple[BatchPart, ...]:
        """What has been done by now, in the orders' sequence."""
        return tuple(work.part() for work in self._works)


class _BatchProgress:
    """The batch's progress bar, which may stand still while Prefect is away."""

    def __init__(self, total: int, log: Log) -> None:
        self._bar = Progress(total) if total else None
        self._log = log

    async def begin(self, token: UUID) -> None:
        if self._bar is not None:
            await self._bar.begin(token)

    async def step(self) -> None:
        try:
            if self._bar is not None:
                await self._bar.step()
        except Exception as error:
            if not is_away(error):
                raise
            self._log.warning("Prefect does not answer; the progress bar waits: %s", error)
