"""A batch in the terminal: its progress until it ends, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.failures import console
from cli.flow_runs import read_progress, state_name
from cli.placed_run import count_bar, follow, has_completed, say_doing, spinning_bar
from contracts.batch.causes import Cause
from contracts.batch.report import BatchReport, batch_report_key
from contracts.batch.rule_report import AnalysisBatchReport, ImageCounts, RuleRun, rule_report_key
from tasks.latest_artifact import read_latest


async def read_batch_report(client: PrefectClient, run: UUID) -> BatchReport | None:
    """The report of a batch's flow run; None before it has one."""
    said = await read_latest(client, batch_report_key(run))
    return None if said is None else BatchReport.model_validate_json(said)


async def watch_batch(client: PrefectClient, run: FlowRun, files: int) -> bool:
    """Show the batch until it ends, then its report; Ctrl-C leaves it running. False when not all was imported."""
    bar = count_bar()
    line = bar.add_task("placed", total=files)

    async def update(run: FlowRun) -> None:
        done = await read_progress(client, run.id) * files
        bar.update(line, completed=round(done), description=escape(state_name(run).lower()))

    ended = await follow(client, run, bar, update, token=run.id)
    if ended is None:
        return True
    report = await read_batch_report(client, run.id)
    if report is not None:
        console.print(batch_table(report))
    return has_completed(ended)


async def read_analysis_batch_report(client: PrefectClient, run: UUID) -> AnalysisBatchReport | None:
    """The report of a batch of analyses; None before it has one."""
    said = await read_latest(client, rule_report_key(run))
    return None if said is None else AnalysisBatchReport.model_validate_json(said)


async def watch_analysis_batch(client: PrefectClient, run: FlowRun) -> bool:
    """Show the batch until all is placed, then its report; Ctrl-C leaves it running. False when not all went well."""
    bar = spinning_bar()
    line = bar.add_task("placed")

    async def update(run: FlowRun) -> None:
        bar.update(line, description=escape(await say_doing(client, run)))

    ended = await follow(client, run, bar, update, token=run.id)
    if ended is None:
        return True
    report = await read_analysis_batch_report(client, run.id)
    for table in [] if report is None else analysis_batch_tables(report):
        console.print(table)
    return has_completed(ended)


def counts_table(title: str, images: ImageCounts) -> Table:
    """How the images stand that a rule watches."""
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for heading in images.named:
        table.add_column(heading, justify="right")
    table.add_row(*(f"{count:,}" for count in images.named.values()))
    return table


def analysis_batch_tables(report: AnalysisBatchReport) -> list[Table]:
    """What each rule found, what went wrong, what was placed, and how earlier runs stand."""
    tables = [counts_table(rule.title, rule.images) for rule in report.rules]
    if causes := report.causes():
        tables.append(_causes_table(report.summary, causes))
    return tables + [_runs_table(heading, runs) for heading, runs in report.runs.items()]


def _runs_table(heading: str, runs: Sequence[RuleRun]) -> Table:
    table = Table(title=heading, title_justify="left", title_style="bold")
    for column in ("UUID", "Run", "Images", "Stands"):
        table.add_column(column, overflow="fold")
    for run in runs:
        table.add_row(str(run.uuid), escape(run.title), f"{run.images:,}", run.standing.value)
    return table


def batch_table(report: BatchReport) -> Table | Text:
    """The counts; below them one row for each cause of failures, with what to do."""
    if causes := report.causes():
        return _causes_table(report.summary, causes)
    return Text(report.summary, style="bold")


def _causes_table(title: str, causes: Sequence[Cause]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("How many", justify="right")
    table.add_column("Why, and what to do", overflow="fold")
    table.add_column("For example", overflow="fold")
    for cause in causes:
        examples = "\n".join(f"{where}: {summary}" for where, summary in cause.examples)
        why = f"{cause.category.value}\n[dim]{escape(cause.next_step)}[/]"
        table.add_row(f"{cause.count:,}", why, escape(examples))
    return table
