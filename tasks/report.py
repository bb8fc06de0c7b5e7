"""What an order did, for people (the run's page in the Prefect UI) and for programs."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from uuid import UUID

from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task
from prefect.artifacts import Artifact, acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact

from blocks.omero_failures import describe
from blocks.omero_session import OmeroSession
from contracts.failures import Failure, FailureCategory
from contracts.import_order import ImportOrder
from contracts.import_report import (
    FileOutcome,
    FileState,
    FormOutcome,
    ImportedObject,
    ImportReport,
    progress_key,
    report_key,
)
from contracts.import_source import ImportedFileset
from contracts.source_file import SourceFile
from contracts.storage_use import STORAGE_USE, StorageUse, count_failures, storage_use_key
from tasks.order_run import OrderRun

#: Artifact type of the report as JSON; `omero-flows show` reads it.
REPORT_TYPE = "import-report"
#: The page stays readable, and below Prefect's limit for one artifact.
MOST_ROWS = 500
MOST_THUMBNAILS = 24
THUMBNAIL_PIXELS = 64

#: JPEG data URIs by the type and id of what they show; a plate shows its first image.
Thumbnails = dict[tuple[str, int], str]


def table_key(order: UUID) -> str:
    return f"import-{order}"


def imported(file: SourceFile, filesets: Sequence[ImportedFileset]) -> FileOutcome:
    """The outcome of a file whose filesets are all in OMERO: its plates, or else its images."""
    objects = []
    for fileset in filesets:
        kind, named = ("Plate", fileset.plates) if fileset.plates else ("Image", fileset.images)
        objects += [ImportedObject(type=kind, id=object_id, name=name) for object_id, name in named]
    return FileOutcome(
        path=file.path,
        state=FileState.IMPORTED,
        objects=tuple(objects),
        filesets=tuple(fileset.fileset for fileset in filesets),
        size=sum(file.size for fileset in filesets for file in fileset.source.processed or fileset.source.files),
        was_there=all(fileset.was_there for fileset in filesets),
    )


def failed(file: SourceFile, failure: Failure) -> FileOutcome:
    """The outcome of a file that was refused, broke or was cancelled."""
    if failure.category is FailureCategory.CANCELLED:
        return FileOutcome(path=file.path, state=FileState.CANCELLED, failure=failure)
    return FileOutcome(path=file.path, state=FileState.FAILED, failure=failure)


def whole_report(
    order: ImportOrder, outcomes: Mapping[int, FileOutcome], forms: tuple[FormOutcome, ...] = ()
) -> ImportReport:
    """The report over all files; those without an outcome were not reached before the run was cancelled."""
    return ImportReport(
        uuid=order.uuid,
        destination=order.destination,
        files=tuple(
            outcomes.get(index) or FileOutcome(path=file.path, state=FileState.CANCELLED)
            for index, file in enumerate(order.files)
        ),
        forms=forms,
    )


async def publish_storage_use(token: UUID, use: StorageUse) -> None:
    """For the panel's charts."""
    await Artifact(type=STORAGE_USE, key=storage_use_key(token), data=use.model_dump(mode="json")).acreate()


@task(name="report", task_run_name="report", persist_result=False)
async def publish_report(run: OrderRun, report: ImportReport) -> None:
    """Publish the table of files as the run's artifact, and the same as JSON."""
    thumbnails = await run.in_thread(read_thumbnails, run, report) if not run.stop.is_set() else {}
    await Artifact(
        type=REPORT_TYPE, key=report_key(report.uuid), description=report.summary, data=report.model_dump(mode="json")
    ).acreate()
    await acreate_markdown_artifact(
        markdown=as_markdown(run, report, thumbnails), key=table_key(report.uuid), description=report.summary
    )
    failed = [*(file.failure for file in report.files), *(form.failure for form in report.forms)]
    await publish_storage_use(
        report.uuid,
        StorageUse(taken_in=sum(file.size for file in report.files), failures=count_failures(failed)),
    )


def read_thumbnails(run: OrderRun, report: ImportReport) -> Thumbnails:
    """Pictures of the first images and plates."""
    items = [(item.type, item.id) for outcome in report.files for item in outcome.objects]
    return read_thumbnails_of(run.session, items[:MOST_THUMBNAILS])


def read_thumbnails_of(session: OmeroSession, items: Sequence[tuple[str, int]]) -> Thumbnails:
    """Pictures of images and plates; those that cannot be had are left out, and that is logged."""
    if not items:
        return {}
    try:
        return _thumbnails(session.gateway, items)
    except Exception as error:  # noqa: BLE001  a picture that is missing is no reason to lose the report
        get_run_logger().warning("The report has no thumbnails: %s", describe(error))
        return {}


def _thumbnails(gateway: BlitzGateway, items: Sequence[tuple[str, int]]) -> Thumbnails:
    shown = {number: ("Image", number) for kind, number in items if kind == "Image"}
    if plates := [number for kind, number in items if kind == "Plate"]:
        first_images = unwrap(
            gateway.getQueryService().projection(
                "select w.plate.id, min(s.image.id) from WellSample s join s.well w where w.plate.id in (:ids) "
                "group by w.plate.id",
                ParametersI().addIds(plates),
                gateway.SERVICE_OPTS,
            )
        )
        shown |= {image: ("Plate", plate) for plate, image in first_images}
    found = {}
    for image in gateway.getObjects("Image", list(shown)):
        jpeg = image.getThumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        if jpeg:
            found[shown[image.getId()]] = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    return found


def as_markdown(run: OrderRun, report: ImportReport, thumbnails: Thumbnails) -> str:
    """The report as a table: failures first, then the rest in the order's sequence."""
    order = run.order
    lines = [
        f"# {as_text(order.title)}",
        "",
        f"**{report.summary}.** Ordered by {as_text(order.user)} in group {as_text(order.group)},"
        f" order `{order.uuid}`.",
        "",
        "| | File | Became | State |",
        "| --- | --- | --- | --- |",
    ]
    ordered = sorted(report.files, key=lambda outcome: outcome.state is FileState.IMPORTED)
    lines += [_row(run, outcome, thumbnails) for outcome in ordered[:MOST_ROWS]]
    if len(ordered) > MOST_ROWS:
        lines += ["", f"... and {len(ordered) - MOST_ROWS} more files; `omero-flows show {order.uuid}` lists all."]
    lines += [_form_line(form) for form in report.forms]
    return "\n".join(lines)


def _form_line(form: FormOutcome) -> str:
    if form.failure is None:
        return f"\nThe form **{as_text(form.form)}** is kept for the destination."
    return (
        f"\n**Failed**: the form {as_text(form.form)} is not kept. "
        f"{as_text(form.failure.summary)} {as_text(form.failure.next_step)}"
    )


def _row(run: OrderRun, outcome: FileOutcome, thumbnails: Thumbnails) -> str:
    pictures = " ".join(
        f"![]({thumbnails[item.type, item.id]})" for item in outcome.objects[:3] if (item.type, item.id) in thumbnails
    )
    became = "<br>".join(_link(run, item.type, item.id, item.name) for item in outcome.objects[:10])
    if len(outcome.objects) > 10:
        became += f"<br>and {len(outcome.objects) - 10} more"
    note = outcome.state.value + (" (was there already)" if outcome.was_there else "")
    if outcome.failure is not None:
        note = f"**{outcome.state.value}**: {as_text(outcome.failure.summary)} {as_text(outcome.failure.next_step)}"
    return f"| {pictures} | {as_text(PurePosixPath(outcome.path).as_posix())} | {became} | {note} |"


def _link(run: OrderRun, kind: str, object_id: int, name: str) -> str:
    url = run.server.link(kind, object_id)
    return f"[{as_text(name)}]({url})" if url else f"{as_text(name)} ({kind} {object_id})"


def as_text(text: str) -> str:
    """Text that Markdown and HTML leave alone, also inside a table.

    An underscore within a word means nothing to Markdown and stays as it is: the Prefect UI shows the
    text of a link with its backslashes.
    """
    text = re.sub(r"[\\`*\[\]|]|(?<![^\W_])_|_(?![^\W_])", lambda found: "\\" + found.group(), text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


class Progress:
    """The order's progress bar in the Prefect UI, moved at most once a second and at the end."""

    def __init__(self, total: int) -> None:
        self._moved = 0.0
        self._total = total
        self._done = 0
        self._artifact: UUID | None = None

    async def begin(self, order: UUID) -> None:
        self._artifact = await acreate_progress_artifact(
            progress=0.0, key=progress_key(order), description=f"{self._total} files"
        )

    async def step(self) -> None:
        """One more file has ended, well or badly."""
        self._done += 1
        now = time.monotonic()
        if self._artifact is not None and (self._done == self._total or now - self._moved >= 1.0):
            self._moved = now
            await aupdate_progress_artifact(
                self._artifact,
                progress=100.0 * self._done / self._total,
                description=f"{self._done} of {self._total} files",
            )
