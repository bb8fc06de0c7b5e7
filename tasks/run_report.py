"""What an analysis run did, for people (the run's page in the Prefect UI) and for programs."""

from __future__ import annotations

from uuid import UUID

from prefect import task
from prefect.artifacts import Artifact, acreate_markdown_artifact

from contracts.analysis_report import AnalysisReport, analysis_report_key
from contracts.run_results import Result, ResultKind
from contracts.slurm_job import Outcome, TaskVerdict
from contracts.storage_use import StorageUse, count_failures
from tasks.analysis_work import AnalysisWork
from tasks.report import MOST_ROWS, MOST_THUMBNAILS, Thumbnails, as_text, publish_storage_use, read_thumbnails_of

#: Artifact type of the report as JSON; `omero-flows show` reads it.
REPORT_TYPE = "analysis-report"


def run_table_key(run: UUID) -> str:
    return f"analysis-{run}"


@task(name="report", task_run_name="report", persist_result=False)
async def publish_run_report(work: AnalysisWork, report: AnalysisReport) -> None:
    """Publish the tables of tasks and results as the run's artifact, and the same as JSON."""
    shown = [("Image", item.object_id) for item in report.results if item.kind is ResultKind.IMAGE]
    thumbnails: Thumbnails = {}
    if shown and not work.stop.is_set():
        thumbnails = await work.in_thread(read_thumbnails_of, work.session, shown[:MOST_THUMBNAILS])
    await keep_report(report)
    await acreate_markdown_artifact(
        markdown=run_as_markdown(work, report, thumbnails),
        key=run_table_key(report.uuid),
        description=report.summary,
    )


async def keep_report(report: AnalysisReport) -> None:
    """Publish the report as JSON, and what it comes to."""
    await Artifact(
        type=REPORT_TYPE,
        key=analysis_report_key(report.uuid),
        description=report.summary,
        data=report.model_dump(mode="json"),
    ).acreate()
    failed = [report.failure, *(verdict.failure for verdict in report.verdicts)]
    failed += [*(file.failure for file in report.refused), *(result.failure for result in report.failed)]
    await publish_storage_use(
        report.uuid,
        StorageUse(taken_in=report.brought, sent_out=report.sent, failures=count_failures(failed)),
    )


def run_as_markdown(work: AnalysisWork, report: AnalysisReport, thumbnails: Thumbnails) -> str:
    """The report as tables: what went wrong first, then the results, then the tasks and what they used."""
    run = work.run
    lines = [
        f"# {as_text(run.title)}",
        "",
        f"**{as_text(report.summary)}.** Ordered by {as_text(run.user)} in group {as_text(run.group)},"
        f" run `{run.uuid}`.",
        "",
    ]
    lines += _failures(report)
    lines += _results(work, report, thumbnails)
    lines += _tasks(report)
    return "\n".join(lines)


def _failures(report: AnalysisReport) -> list[str]:
    said = [] if report.failure is None else [("the run", report.failure)]
    said += [(f"task {verdict.task}", verdict.failure) for verdict in report.verdicts if verdict.failure is not None]
    said += [(f"{item.path} of task {item.task}", item.failure) for item in report.refused]
    said += [(item.path, item.failure) for item in report.failed]
    if not said:
        return []
    rows = [
        f"| {as_text(what)} | {as_text(failure.summary)} | {as_text(failure.next_step)} |"
        for what, failure in said[:MOST_ROWS]
    ]
    return ["## What failed", "", "| | What | What to do |", "| --- | --- | --- |", *rows, ""]


def _results(work: AnalysisWork, report: AnalysisReport, thumbnails: Thumbnails) -> list[str]:
    if not report.results:
        return []
    names = {staged.image: staged.name for staged in report.inputs}
    rows = [_result(work, item, names, thumbnails) for item in report.results[:MOST_ROWS]]
    more = len(report.results) - MOST_ROWS
    rows += [f"| | and {more} more | | |"] if more > 0 else []
    return ["## Results", "", "| | Result | Of | Became |", "| --- | --- | --- | --- |", *rows, ""]


def _result(work: AnalysisWork, item: Result, names: dict[int, str], thumbnails: Thumbnails) -> str:
    picture = thumbnails.get(("Image", item.object_id), "") if item.kind is ResultKind.IMAGE else ""
    counted = {ResultKind.ROIS: f"{item.count} ROIs", ResultKind.TABLE: f"table of {item.count} rows"}
    became = counted.get(item.kind, item.kind.value)
    image = item.object_id if item.kind is ResultKind.IMAGE else item.input
    url = work.server.link("Image", image) if image is not None else None
    shown = f"[{became}]({url})" if url else became
    of = as_text(names.get(item.input, f"image {item.input}")) if item.input is not None else "the run"
    return f"| {f'![]({picture})' if picture else ''} | {as_text(item.path.rpartition('/')[2])} | {of} | {shown} |"


def _tasks(report: AnalysisReport) -> list[str]:
    if not report.verdicts:
        return []
    number = report.job.number if report.job is not None else "?"
    rows = [_task(verdict) for verdict in report.verdicts[:MOST_ROWS]]
    head = ["| Task | Ended | Took | CPU | Memory | Node |", "| --- | --- | --- | --- | --- | --- |"]
    return [f"## Tasks of Slurm job {number}", "", *head, *rows, ""]


def _task(verdict: TaskVerdict) -> str:
    used = verdict.accounting
    ended = verdict.outcome.value if verdict.outcome is Outcome.SUCCEEDED else f"**{verdict.outcome.value}**"
    if verdict.restarts:
        ended += f", queued again {verdict.restarts} times"
    if used is None:
        return f"| {verdict.task} | {ended} | | | | |"
    memory = "" if used.max_rss is None else f"{used.max_rss / 2**20:.0f} MiB"
    return (
        f"| {verdict.task} | {ended} | {used.elapsed_seconds} s | {used.cpu_seconds:.0f} s | {memory}"
        f" | {as_text(used.node)} |"
    )
