"""The report of a night, for the person who reads it in the morning, and for programs."""

from __future__ import annotations

from prefect.artifacts import Artifact, acreate_markdown_artifact

from blocks.omero_server import OmeroServer
from contracts.batch.report import MOST_LISTED, BatchPart, BatchReport, batch_report_key
from contracts.destination import Destination
from contracts.import_report import FileOutcome, FileState, ImportReport
from contracts.storage_use import StorageUse, count_failures
from tasks.causes_table import MOST_ROWS, causes_table, say_more
from tasks.report import as_text, publish_storage_use

#: Artifact type of the report as JSON; `omero-flows batch show` reads it.
BATCH_REPORT = "batch-report"


def page_key(run: object) -> str:
    return f"batch-{run}"


async def publish_batch_report(report: BatchReport, server: OmeroServer) -> None:
    """Publish the report as the run's page, and the same as JSON; and what charts and metrics make of it."""
    await Artifact(
        type=BATCH_REPORT,
        key=batch_report_key(report.run),
        description=report.summary,
        data=shorten(report).model_dump(mode="json"),
    ).acreate()
    await acreate_markdown_artifact(
        markdown=as_page(report, server), key=page_key(report.run), description=report.summary
    )
    failures = count_failures(failure for _, failure in report.failures())
    taken_in = sum(part.taken_in for part in report.parts)
    await publish_storage_use(report.run, StorageUse(taken_in=taken_in, failures=failures))


def shorten(report: BatchReport) -> BatchReport:
    """The report with at most `MOST_LISTED` files by name, those that did not become images first; causes of all."""
    left = MOST_LISTED
    kept: dict[int, set[int]] = {}
    for wanted in (False, True):
        for number, part in enumerate(report.parts):
            for index, file in enumerate(part.report.files):
                if left and (file.state is FileState.IMPORTED) is wanted:
                    kept.setdefault(number, set()).add(index)
                    left -= 1
    parts = tuple(_only(part, kept.get(number, set())) for number, part in enumerate(report.parts))
    return report.model_copy(update={"parts": parts, "grouped": report.causes()})


def _only(part: BatchPart, kept: set[int]) -> BatchPart:
    files = tuple(file for index, file in enumerate(part.report.files) if index in kept)
    report: ImportReport = part.report.model_copy(update={"files": files})
    return part.model_copy(update={"report": report})


def as_page(report: BatchReport, server: OmeroServer) -> str:
    """Markdown: what there is in all, what went wrong and what to do, what each user got, and where it is."""
    took = (report.ended - report.began).total_seconds()
    lines = [
        f"# {as_text(report.title)}",
        "",
        f"**{report.summary}.** From {report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC ({took / 60:.0f} min).",
        "",
        *causes_table(report.causes()),
        *_parts(report, server),
    ]
    return "\n".join(lines)


def _parts(report: BatchReport, server: OmeroServer) -> list[str]:
    if not report.parts:
        return ["There was nothing to import."]
    lines = ["## Who got what", "", "| User | Group | Where | Imported | Were there | Failed |"]
    lines.append("| --- | --- | --- | ---: | ---: | ---: |")
    for part in report.parts[:MOST_ROWS]:
        counts = f"{part.imported:,} | {part.there:,} | {part.failed:,}"
        lines.append(f"| {as_text(part.user)} | {as_text(part.group)} | {_where(part, server)} | {counts} |")
    return [*lines, *say_more(len(report.parts))]


def _where(part: BatchPart, server: OmeroServer) -> str:
    """The destination, linked where its id is known, else where the first new image is shown."""
    destination = part.report.destination
    text = as_text(_full_name(destination))
    if destination.id is not None:
        url = server.link(destination.type.value, destination.id)
    else:
        first = next((item for file in part.report.files for item in _objects(file)), None)
        url = None if first is None else server.link(*first)
    return text if url is None else f"[{text}]({url})"


def _objects(file: FileOutcome) -> list[tuple[str, int]]:
    return [(item.type, item.id) for item in file.objects]


def _full_name(destination: Destination) -> str:
    return f"{destination.project} / {destination}" if destination.project is not None else str(destination)
