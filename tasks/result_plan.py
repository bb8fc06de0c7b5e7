"""What becomes of each file that a run brought back, by its content and the run's options; nothing is written yet."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.analysis_run import ResultOptions, TableKind
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity, ImportSource
from contracts.result_pattern import check_pattern
from contracts.run_results import FailedResult, ResultFile
from contracts.staged_input import StagedInput
from tasks.authorise import identify_fileset
from tasks.destinations import check_destination
from tasks.result_files import from_workflow, identify_result, store_of
from tasks.result_inputs import inputs_of
from tasks.result_names import image_name
from tasks.result_run import ResultRun
from tasks.retries import BRIEF_DELAYS, is_retryable

TABLES = frozenset({".csv", ".tsv"})
#: Names that promise an image which we read: one with another content is broken, not an attachment.
_OUR_IMAGES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lif", ".czi", ".companion.ome")


@dataclass(frozen=True)
class BelongingFile:
    """A result and the input it belongs to; None: it belongs to the run as a whole."""

    file: ResultFile
    input: StagedInput | None


@dataclass(frozen=True)
class ResultImage:
    """A fileset to import to a place; `file` is the one that names it."""

    file: ResultFile
    input: StagedInput | None
    source: ImportSource
    destination: Destination


@dataclass(frozen=True)
class ResultPlan:
    """`labels` are images that shall become ROIs if they are label images; most of them are in `images` too."""

    images: tuple[ResultImage, ...]
    labels: tuple[BelongingFile, ...]
    tables: tuple[BelongingFile, ...]
    attachments: tuple[BelongingFile, ...]
    failed: tuple[FailedResult, ...]
    left: tuple[ResultFile, ...]


@task(
    name="sort-results",
    task_run_name="sort results",
    persist_result=False,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def sort_results(run: ResultRun, files: Sequence[ResultFile]) -> ResultPlan:
    """Look into every file and decide what becomes of it.

    Raises:
        FailureError: BAD_REQUEST for a pattern of names that cannot be used, STORAGE_UNAVAILABLE. Files fail one by
            one, in the plan.
    """
    try:
        plan = await run.in_thread(plan_results, run, files)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "look into the results") from error
    get_run_logger().info(
        "%s files: %s images, %s to make ROIs of, %s tables, %s attachments, %s failed, %s left where they are",
        len(files),
        len(plan.images),
        len(plan.labels),
        len(plan.tables),
        len(plan.attachments),
        len(plan.failed),
        len(plan.left),
    )
    return plan


def plan_results(run: ResultRun, files: Sequence[ResultFile]) -> ResultPlan:
    """The plan, in the sequence of the files' paths: the same files always give the same."""
    check_pattern(run.run.results.image_name)
    return _Sorter(run, sorted(files, key=lambda file: file.path)).sort()


def wants_images(options: ResultOptions) -> bool:
    """Whether anything comes of result images."""
    return options.import_images or options.rois is not None


class _Sorter:
    def __init__(self, run: ResultRun, files: Sequence[ResultFile]) -> None:
        self._run = run
        self._options: ResultOptions = run.run.results
        self._files = files
        self._inputs = inputs_of(files, run.staged)
        self._folder = run.storage.folder(run.group)
        self._by_place = {str(self._folder / file.path): file for file in files}
        self._taken: set[str] = set()
        self._refusals: dict[Destination, FailureError | None] = {}
        self._images: list[ResultImage] = []
        self._labels: list[BelongingFile] = []
        self._tables: list[BelongingFile] = []
        self._attachments: list[BelongingFile] = []
        self._failed: list[FailedResult] = []
        self._left: list[ResultFile] = []

    def sort(self) -> ResultPlan:
        for file in self._files:
            if file.path in self._taken:
                continue
            try:
                self._sort(file)
            except FailureError as error:
                if error.failure.retryable:
                    raise
                self._failed.append(FailedResult(path=file.path, failure=from_workflow(error, file)))
        return ResultPlan(
            images=tuple(self._images),
            labels=tuple(self._labels),
            tables=tuple(self._tables),
            attachments=tuple(self._attachments),
            failed=tuple(self._failed),
            left=tuple(self._left),
        )

    def _sort(self, file: ResultFile) -> None:
        belonging = BelongingFile(file, self._inputs[file.path])
        if store_of(file) is not None:
            self._left.append(file)  # what of it becomes an image, tasks/zarr_results.py has written beside it
        elif PurePosixPath(file.name).suffix.lower() in TABLES:
            match self._options.tables:
                case TableKind.OMERO_TABLE:
                    self._tables.append(belonging)
                case TableKind.ATTACHMENT:
                    self._attachments.append(belonging)
                case None:
                    self._left.append(file)
        elif file.size == 0 and not file.name.lower().endswith(_OUR_IMAGES):
            self._sort_other(belonging)
        else:
            self._sort_image_or_other(belonging)

    def _sort_image_or_other(self, belonging: BelongingFile) -> None:
        file = belonging.file
        first = identify_result(self._run.storage, self._run.group, file)
        try:
            files = identify_fileset(self._folder / file.run_folder, first)
        except FailureError as error:
            if error.failure.category is not FailureCategory.UNKNOWN_FORMAT or file.name.lower().endswith(_OUR_IMAGES):
                raise
            self._sort_other(belonging, error)
            return
        self._check_came(file, files)
        self._taken |= {self._by_place[identity.path].path for identity in files}
        if not wants_images(self._options):
            self._left += [self._by_place[identity.path] for identity in files]
            return
        if self._options.rois is not None and fnmatchcase(file.name, self._options.label_images):
            self._labels.append(belonging)
        if self._options.import_images:
            self._images.append(self._image(belonging, first))

    def _check_came(self, file: ResultFile, files: tuple[FileIdentity, ...]) -> None:
        strangers = [identity.path for identity in files if identity.path not in self._by_place]
        if strangers:
            raise fail(
                FailureCategory.FILE_CHANGED,
                f"{file.name!r} belongs with {Path(strangers[0]).name!r}, which the job did not bring back.",
                detail=", ".join(strangers[:5]),
                next_step="Find out who writes to the run's folder; then retry the run.",
            )
        for identity in files:
            identify_result(self._run.storage, self._run.group, self._by_place[identity.path])

    def _image(self, belonging: BelongingFile, first: FileIdentity) -> ResultImage:
        file, input = belonging.file, belonging.input
        destination = self._destination(belonging)
        self._check(destination)
        files = identify_fileset(self._folder / file.run_folder, first, destination.type)
        name = image_name(self._options.image_name, file.name, input.original_file if input is not None else None)
        source = ImportSource(path=file.path, files=files, image_name=name, sha256=file.sha256)
        return ResultImage(file, input, source, destination)

    def _destination(self, belonging: BelongingFile) -> Destination:
        """Where an image goes: where the user said, else beside its input, else beside all inputs if that is one."""
        if self._options.destination is not None:
            return self._options.destination
        beside = {belonging.input.dataset} if belonging.input else {item.dataset for item in self._run.staged}
        dataset = beside.pop() if len(beside) == 1 else None
        if dataset is None:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"{belonging.file.name!r} has no place beside its input: that is in no dataset."
                if belonging.input
                else f"{belonging.file.name!r} belongs to no single input, and the inputs are not in one dataset.",
                next_step="Order the run with a destination for its result images.",
            )
        return Destination(type=DestinationType.DATASET, id=dataset)

    def _check(self, destination: Destination) -> None:
        """Refuse, before anything is imported, a place that is gone or that the user may not put images into."""
        if destination not in self._refusals:
            self._refusals[destination] = None
            try:
                check_destination(self._run.session, destination)
            except FailureError as error:
                if error.failure.retryable:
                    raise
                self._refusals[destination] = error
        if (refusal := self._refusals[destination]) is not None:
            raise refusal

    def _sort_other(self, belonging: BelongingFile, unknown: FailureError | None = None) -> None:
        if self._options.attach_other_files:
            self._attachments.append(belonging)
            return
        kind, _ = mimetypes.guess_type(belonging.file.name)
        if unknown is not None and self._options.import_images and (kind or "").startswith("image/"):
            raise unknown
        self._left.append(belonging.file)
