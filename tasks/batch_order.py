"""One order of a batch: begun when its turn comes, file by file, ended with its forms.

The steps are those of an order's own run (`import_once`, `annotate_once`), without a task run in Prefect for each: a
night of 10,000 files would leave 20,000 there. What is done is asked of OMERO, so nothing else has to remember it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from logging import Logger, LoggerAdapter
from typing import ParamSpec, TypeVar

from blocks.omero_failures import classify, failure_of
from contracts.batch.report import BatchPart
from contracts.failures import Failure, FailureError
from contracts.import_order import ImportOrder
from contracts.import_report import FileOutcome, FormOutcome, ImportReport
from contracts.import_source import ImportedFileset, ImportSource
from contracts.source_file import SourceFile
from tasks.annotate import annotate_once
from tasks.authorise import check_whole_order, permit_of
from tasks.batch_evidence import find_imported
from tasks.batch_outcomes import BatchOutcomes
from tasks.batch_run import BatchRun
from tasks.form_records import fill_in
from tasks.import_slot import ImportSlot
from tasks.in_place_import import import_once
from tasks.order_lock import order_lock_path, try_hold
from tasks.preprocess import sources_of
from tasks.report import failed, imported
from tasks.retries import DELAYS

#: Seconds until an order that another process works at is looked at again.
BUSY_SECONDS = 1.0

Log = Logger | LoggerAdapter[Logger]
P = ParamSpec("P")
R = TypeVar("R")


class BatchOrder:
    """One order within a batch's process. `not_before`: when it may be begun, as `time.monotonic` tells it."""

    def __init__(
        self,
        batch: BatchRun,
        order: ImportOrder,
        outcomes: BatchOutcomes,
        converting: asyncio.Semaphore,
        log: Log,
    ) -> None:
        self.order = order
        self.not_before = 0.0
        self.outcomes = outcomes
        self.forms: tuple[FormOutcome, ...] = ()
        self._batch = batch
        self._run = batch.order_run(order)
        self._converting = converting
        self._log = log
        self._beginning = asyncio.Lock()
        self._lock: AbstractContextManager[bool] | None = None
        self._refusal: Failure | None = None
        self._is_closed = False

    @property
    def has_ended(self) -> bool:
        return self.outcomes.has_ended

    # ---- beginning

    async def begin(self) -> bool:
        """Take the order's lock and check the order, once; False when another process has the lock."""
        async with self._beginning:
            if self._lock is not None or self._refusal is not None or self._is_closed:
                return True
            try:
                is_ours = await self._patiently(f"begin {self.order.title!r}", self._take)
            except FailureError as error:
                self._refuse(error.failure)
                return True
            if not is_ours:
                self.not_before = time.monotonic() + BUSY_SECONDS
            return is_ours

    def _take(self) -> bool:
        """Lock, check, and look what is there: while somebody else works at the order that changes."""
        lock = None
        if self._lock is None:
            folder = self._batch.storage.folder(self.order.group)
            lock = try_hold(order_lock_path(folder, str(self.order.uuid)), log=self._log)
            if not lock.__enter__():
                lock.__exit__(None, None, None)
                return False
            self._lock = lock
        try:
            check_whole_order(self.order, self._run.session, self._batch.storage)
            for index, outcome in find_imported(self._run.session.gateway, self.order, self._batch.earlier).items():
                self.outcomes.add(index, outcome)
        except BaseException:
            self._let_go()
            raise
        return True

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.__exit__(None, None, None)

    def _refuse(self, failure: Failure) -> None:
        self._refusal = failure
        self._log.error("%s for %s: %s", self.order.title, self.order.user, FailureError(failure))

    # ---- a file

    async def import_file(self, index: int, slot: ImportSlot) -> None:
        """Import one file and annotate what it became; what fails is its outcome."""
        if self.outcomes.knows(index):
            return
        file = self.order.files[index]
        failure = self._refusal or self._batch.away
        if failure is None:
            try:
                outcome = await self._import(file, slot)
            except Exception as error:  # noqa: BLE001  every file of a batch is reported, whatever befell it
                failure = failure_of(error, f"import {file.path!r}")
                self._log.error("%s: %s", file.path, FailureError(failure))
        if failure is not None:
            outcome = failed(file, failure)
        self.outcomes.add(index, outcome)

    async def _import(self, file: SourceFile, slot: ImportSlot) -> FileOutcome:
        permit = await self._patiently(f"check {file.path!r}", permit_of, self.order, self._batch.storage, file)
        if isinstance(permit, Failure):
            raise FailureError(permit)
        if self.order.preprocessing_of(file) is not None:
            await slot.give_back()  # a conversion takes its time; whoever only imports shall not wait for it
        async with sources_of(self._run, file, permit, turn=self._converting) as sources:
            filesets = []
            for source in sources:
                await slot.take()
                filesets.append(await self._patiently(f"import {file.path!r}", self._import_source, source))
        return imported(file, filesets)

    def _import_source(self, source: ImportSource) -> ImportedFileset:
        fileset = import_once(self._run, source, self._log)
        annotate_once(self._run, fileset)
        return fileset

    async def _patiently(self, doing: str, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Do it, again where the failure's category says that this can help, for as long as an order's step would.

        Raises:
            FailureError: the last one.
        """
        for delay in (*DELAYS, None):
            try:
                return await self._run.in_thread(work, *arguments, **named)
            except Exception as error:
                failure = classify(error, doing).failure
                if not failure.retryable or self._run.stop.is_set():
                    raise FailureError(failure) from error
                if delay is None or self._batch.away is not None:
                    await self._note_absence(failure)
                    raise FailureError(failure) from error
                self._log.warning("%s It is tried again in %.0f s.", failure.summary, delay)
                await asyncio.sleep(delay)
        raise AssertionError("the last delay is None")

    async def _note_absence(self, failure: Failure) -> None:
        """Whether it is this file alone, or whether whoever is needed by all files is away."""
        if failure.awaited is None or self._batch.away is not None:
            return
        try:
            await self._run.in_thread(check_whole_order, self.order, self._run.session, self._batch.storage)
        except Exception as error:  # noqa: BLE001  whatever it is, it is not this file's own
            if classify(error, "look whether it is there").failure.awaited is not None:
                self._log.error("%s does not come back; what is left is reported and not tried", failure.awaited)
                self._batch.away = failure

    # ---- the end

    async def end(self) -> None:
        """Keep the forms, where anything was imported, and let go of the order; once."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.outcomes.imported or self.outcomes.there:
            self.forms = tuple([await self._keep(number) for number in range(len(self.order.forms))])
        self._let_go()

    def close(self) -> None:
        """Let go of the order, whether it has ended or not."""
        self._is_closed = True
        self._let_go()

    async def _keep(self, number: int) -> FormOutcome:
        filled = self.order.forms[number]
        try:
            await fill_in(self._run, filled)
        except Exception as error:  # noqa: BLE001  the images are there and are reported, whatever befell the form
            return FormOutcome(form=filled.form, failure=failure_of(error, f"keep the form {filled.form!r}"))
        return FormOutcome(form=filled.form)

    def part(self) -> BatchPart:
        """What was done; files without an outcome were not reached before the batch was cancelled."""
        return BatchPart(
            user=self.order.user,
            group=self.order.group,
            report=ImportReport(
                uuid=self.order.uuid,
                destination=self.order.destination,
                files=self.outcomes.named(),
                forms=self.forms,
            ),
            imported=self.outcomes.imported,
            failed=self.outcomes.failed,
            cancelled=self.outcomes.cancelled,
            there=self.outcomes.there,
            taken_in=self.outcomes.taken_in,
        )
