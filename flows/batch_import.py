"""A batch of imports: gather what there is to import, import it fairly between users, and report in the morning.

One process imports all files, through the steps of import orders. Orders of their own would start a process each and
leave two task runs a file in Prefect; thousands of small files would wait for that most of the night. The run may be
killed at any moment and started again, or be started twice: what is done is asked of OMERO, file by file.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from contracts.batch.manifest_file import ManifestFile
from contracts.batch.report import BatchReport, SourceProblem
from contracts.failures import FailureError
from contracts.import_order import ImportOrder
from tasks.batch_bridge import place_pending_orders
from tasks.batch_import import BatchImport
from tasks.batch_mail import as_mail
from tasks.batch_report import publish_batch_report
from tasks.batch_run import BatchRun, begin_batch
from tasks.batch_sources import gather
from tasks.crash_limit import check_crashes
from tasks.earlier_attempts import end_steps_of_earlier_attempts
from tasks.prefect_client import crash_when_away
from tasks.report_mail import send_report


@flow(name="batch-import", flow_run_name="{title}", persist_result=True, result_serializer="json")
async def batch_import(
    title: str = "Nightly import",
    orders: tuple[ImportOrder, ...] = (),
    manifests: tuple[ManifestFile, ...] = (),
    watched: bool = False,
    biomero: bool = False,
) -> State[Any]:
    """Import many files, of many users, exactly once each.

    Args:
        title: How people see this batch.
        orders: What a manifest became, when it was checked by `omero-flows batch run`.
        manifests: Tables of files on the image storage (CSV, XLSX, JSON).
        watched: Whether what has arrived in the watched folders (block WatchedFolders) is imported.
        biomero: Whether pending orders of the BIOMERO database are placed too.
    """
    with crash_when_away():
        async with begin_batch() as batch:
            imports = BatchImport(batch)
            problems: list[SourceProblem] = []
            placed = 0

            def report() -> BatchReport:
                return BatchReport(
                    run=_run_id(),
                    title=title,
                    began=batch.began,
                    ended=datetime.now(UTC),
                    parts=imports.parts(),
                    problems=tuple(problems),
                    placed=placed,
                )

            try:
                await check_crashes()
                await end_steps_of_earlier_attempts()
                gathered = await gather(batch, orders, manifests, watched=watched)
                problems += gathered.problems
                if biomero:
                    placed, wrong = await _take_pending_orders(batch)
                    problems += wrong
                await imports.run(gathered.orders, _run_id())
            except FailureError as error:
                # Who reads in the morning learns of it in the same place as of everything else.
                problems.append(SourceProblem(source="the batch", problem=error.failure))
            except asyncio.CancelledError:
                await publish_batch_report(report(), batch.server)
                raise
            done = report()
            address = batch.server.run_link(done.run) or runtime.flow_run.ui_url
            mail = await send_report(as_mail(done, address), is_complete=done.is_complete)
            done = done.model_copy(update={"mail": mail})
            await publish_batch_report(done, batch.server)
    if not done.is_complete:
        return Failed(message=done.summary, data=done)
    return Completed(message=done.summary, data=done)


async def _take_pending_orders(batch: BatchRun) -> tuple[int, tuple[SourceProblem, ...]]:
    """How many were placed; a database that is away is a problem of the batch, not its end."""
    try:
        return await place_pending_orders(batch), ()
    except FailureError as error:
        return 0, (SourceProblem(source="BIOMERO", problem=error.failure),)


def _run_id() -> uuid.UUID:
    return uuid.UUID(str(runtime.flow_run.id))
