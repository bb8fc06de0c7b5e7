"""An import order: authorise, then for each file preprocess, import in place, annotate; then keep what was filled in
for the destination, and report.

Files are independent: one that fails is reported and does not stop the others. The run may be killed
at any moment and started again; every step first asks OMERO or the file system whether it is done.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from blocks.omero_failures import failure_of
from contracts.failures import Failure, FailureError
from contracts.forms.record import FilledForm
from contracts.import_order import ImportEngine, ImportOrder
from contracts.import_report import FileOutcome, FileState, FormOutcome
from contracts.source_file import SourceFile
from tasks.annotate import annotate
from tasks.authorise import Permit, authorise
from tasks.crash_limit import check_crashes
from tasks.earlier_attempts import end_steps_of_earlier_attempts
from tasks.form_records import fill_in
from tasks.in_place_import import in_place_import
from tasks.omero_cli_import import omero_cli_import
from tasks.order_run import OrderRun, begin_order
from tasks.prefect_client import crash_when_away, is_away
from tasks.preprocess import sources_of
from tasks.report import Progress, failed, imported, publish_report, whole_report

#: Files of one order that are converted at once, and files that are imported at once.
CONVERSIONS = max(1, (os.cpu_count() or 2) // 2)
IMPORTS = 2
ENGINES = {ImportEngine.IN_PLACE: in_place_import, ImportEngine.OMERO_CLI: omero_cli_import}


def _run_name() -> str:
    order = runtime.flow_run.parameters["order"]
    return order.title if isinstance(order, ImportOrder) else ImportOrder.model_validate(order).title


@flow(name="import-order", flow_run_name=_run_name, persist_result=True, result_serializer="json")
async def import_order(order: ImportOrder) -> State[Any]:
    """Import the order's files into OMERO, exactly once each, and report every one of them.

    Args:
        order: who imports which files, where to and how.
    """
    with crash_when_away():
        async with begin_order(order) as run:
            outcomes: dict[int, FileOutcome] = {}
            forms: tuple[FormOutcome, ...] = ()
            try:
                await check_crashes()
                permits = await authorise(run)
                async with run.alone():
                    await end_steps_of_earlier_attempts()
                    await _import_files(run, permits, outcomes)
                    forms = await _fill_in_forms(run, outcomes)
            except FailureError as error:
                outcomes = {index: failed(file, error.failure) for index, file in enumerate(order.files)} | outcomes
            except asyncio.CancelledError:
                await publish_report(run, whole_report(order, outcomes))
                raise
            report = whole_report(order, outcomes, forms)
            await publish_report(run, report)
    if not report.is_complete:
        return Failed(message=report.summary, data=report)
    return Completed(message=report.summary, data=report)


async def _import_files(run: OrderRun, permits: tuple[Permit, ...], outcomes: dict[int, FileOutcome]) -> None:
    """All files in a pipeline: while one is imported, the next is converted."""
    converting, importing = asyncio.Semaphore(CONVERSIONS), asyncio.Semaphore(IMPORTS)
    progress = Progress(len(permits))
    await progress.begin(run.order.uuid)

    async def one(index: int, file: SourceFile, permit: Permit) -> None:
        outcomes[index] = await _import_file(run, file, permit, converting, importing)
        await progress.step()

    async with asyncio.TaskGroup() as pipeline:
        for index, (file, permit) in enumerate(zip(run.order.files, permits, strict=True)):
            pipeline.create_task(one(index, file, permit))


async def _fill_in_forms(run: OrderRun, outcomes: dict[int, FileOutcome]) -> tuple[FormOutcome, ...]:
    """Where nothing was imported there is nothing that the forms tell of."""
    if not any(outcome.state is FileState.IMPORTED for outcome in outcomes.values()):
        return ()
    return tuple([await _fill_in_form(run, filled) for filled in run.order.forms])


async def _fill_in_form(run: OrderRun, filled: FilledForm) -> FormOutcome:
    try:
        await fill_in(run, filled)
    except Exception as error:
        if is_away(error):
            raise
        # The images are there and are reported, whatever befell the form.
        return FormOutcome(form=filled.form, failure=failure_of(error, f"keep the form {filled.form!r}"))
    return FormOutcome(form=filled.form)


async def _import_file(
    run: OrderRun, file: SourceFile, permit: Permit, converting: asyncio.Semaphore, importing: asyncio.Semaphore
) -> FileOutcome:
    if isinstance(permit, Failure):
        return failed(file, permit)
    engine = ENGINES[run.order.engine]
    try:
        async with sources_of(run, file, permit, turn=converting) as sources:
            filesets = []
            for source in sources:
                async with importing:
                    fileset = await engine(run, source)
                    await annotate(run, fileset)
                    filesets.append(fileset)
    except Exception as error:
        if is_away(error):
            raise
        # Every file of the order is reported, whatever befell it.
        return failed(file, failure_of(error, f"import {file.path!r}"))
    return imported(file, filesets)
