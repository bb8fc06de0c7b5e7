"""All that a run brought back, into OMERO: each result on its own, so that one that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from blocks.omero_failures import failure_of
from contracts.failures import Failure
from contracts.run_results import FailedResult, NotALabelImage, Result, ResultFile, RunResults
from tasks.attachments import attach
from tasks.in_place_import import in_place_import
from tasks.input_marks import mark_inputs
from tasks.label_image import does_not_fit
from tasks.label_rois import make_rois
from tasks.prefect_client import is_away
from tasks.result_archive import archive
from tasks.result_files import store_of
from tasks.result_images import annotate_result
from tasks.result_plan import BelongingFile, ResultImage, ResultPlan, sort_results, wants_images
from tasks.result_run import ResultRun
from tasks.result_tables import make_table
from tasks.retries import BRIEF_DELAYS
from tasks.zarr_results import ReadStores, read_stores

#: Results of one run that go into OMERO at once.
AT_ONCE = 2

_import = in_place_import.with_options(retries=len(BRIEF_DELAYS), retry_delay_seconds=BRIEF_DELAYS)


async def import_results(run: ResultRun, files: Sequence[ResultFile]) -> RunResults:
    """Bring every result of a run into OMERO, exactly once each, and report every one of them.

    Hold the run's lock (`run.alone`). Killed anywhere and called again it does what is missing.

    Raises:
        FailureError: what concerns the run as a whole: the pattern of names, the storage, the login.
    """
    if not files:
        return RunResults(uuid=run.token)
    return await _Results(run, files).bring()


class _Results:
    def __init__(self, run: ResultRun, files: Sequence[ResultFile]) -> None:
        self._run = run
        self._files = files
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._results: list[Result] = []
        self._failed: list[FailedResult] = []
        self._no_labels: list[tuple[BelongingFile, str]] = []
        self._unmarked: tuple[int, ...] = ()
        self._away: Failure | None = None

    async def bring(self) -> RunResults:
        run = self._run
        stores = ReadStores(tuple(self._files), ())
        if wants_images(run.run.results) and any(store_of(file) for file in self._files):
            stores = await read_stores(run, self._files)
        plan = await sort_results(run, stores.files)
        folder = self._files[0].run_folder
        async with asyncio.TaskGroup() as work:

            def begin(path: str, part: Callable[..., Awaitable[None]], *arguments: object) -> None:
                work.create_task(self._one(path, part, *arguments))

            for image in plan.images:
                begin(image.file.path, self._image, image)
            for labels in plan.labels:
                begin(labels.file.path, self._rois, labels)
            for table in plan.tables:
                begin(table.file.path, self._keep, make_table, table)
            for attachment in plan.attachments:
                begin(attachment.file.path, self._keep, attach, attachment)
            if run.run.results.archive:
                begin(folder, self._keep, archive, tuple(self._files))
            begin(folder, self._mark)
        failed = [*stores.failed, *plan.failed, *self._failed, *self._inputs_without_labels(plan)]
        return RunResults(
            uuid=run.token,
            results=tuple(sorted(self._results, key=lambda result: (result.path, result.kind, result.object_id))),
            failed=tuple(sorted(failed, key=lambda failed: failed.path)),
            left=tuple(file.path for file in plan.left),
            unmarked=self._unmarked,
        )

    async def _one(self, path: str, part: Callable[..., Awaitable[None]], *arguments: object) -> None:
        async with self._turn:
            # While OMERO is away, each result would hold the process for as long as its step is tried again.
            failure = self._away
            if failure is None:
                try:
                    await part(*arguments)
                except Exception as error:
                    if is_away(error):
                        raise
                    # Every result of the run is reported, whatever befell it.
                    failure = failure_of(error, f"bring {path!r} into OMERO")
        if failure is not None:
            self._failed.append(FailedResult(path=path, failure=failure))
            self._away = self._away or (failure if failure.awaited is not None else None)

    async def _keep(self, step: Callable[..., Awaitable[Result]], what: object) -> None:
        self._results.append(await step(self._run, what))

    async def _image(self, image: ResultImage) -> None:
        imported = await _import(self._run.importer(image.destination), image.source)
        self._results += await annotate_result(self._run, image, imported)

    async def _rois(self, labels: BelongingFile) -> None:
        made = await make_rois(self._run, labels)
        if isinstance(made, NotALabelImage):
            self._no_labels.append((labels, made.reason))
        else:
            self._results.append(made)

    async def _mark(self) -> None:
        self._unmarked = await mark_inputs(self._run)

    def _inputs_without_labels(self, plan: ResultPlan) -> list[FailedResult]:
        """ROIs were ordered: an input none of whose result images holds labels is told, once."""
        without = {labels.file.path for labels, _ in self._no_labels}
        with_labels = {labels.input for labels in plan.labels if labels.file.path not in without}
        first = {labels.input: (labels.file, reason) for labels, reason in reversed(self._no_labels)}
        return [
            FailedResult(
                path=file.path,
                failure=does_not_fit(file.name, f"{reason}; and no other result of its input holds labels").failure,
            )
            for input, (file, reason) in first.items()
            if input is not None and input not in with_labels
        ]
