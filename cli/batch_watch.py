"""A batch in the terminal: its progress until it ends, and its report."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from rich.markup import escape
from rich.table import Table

from cli.failures import console
from cli.flow_runs import read_progress, state_name
from cli.placed_run import count_bar, follow, has_completed
from contracts.batch.report import BatchReport, batch_report_key
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


def batch_table(report: BatchReport) -> Table:
    """One row for each cause of failures, with what to do; above it the counts."""
    table = Table(title=report.summary, title_justify="left", title_style="bold")
    table.add_column("How many", justify="right")
    table.add_column("Why, and what to do", overflow="fold")
    table.add_column("For example", overflow="fold")
    for cause in report.causes():
        examples = "\n".join(f"{where}: {summary}" for where, summary in cause.examples)
        why = f"{cause.category.value}\n[dim]{escape(cause.next_step)}[/]"
        table.add_row(f"{cause.count:,}", why, escape(examples))
    return table
