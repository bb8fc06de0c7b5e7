"""Watch an import order in the terminal until it ends."""

from __future__ import annotations

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from rich.markup import escape

from cli.failures import console
from cli.flow_runs import read_progress, read_report
from cli.placed_run import count_bar, follow, has_completed, say_doing
from cli.report_table import report_table
from contracts.import_order import ImportOrder


async def watch(client: PrefectClient, run: FlowRun, order: ImportOrder, web_url: str | None) -> bool:
    """Show the run until it ends, then its table; Ctrl-C leaves it running. False when not all was imported."""
    bar = count_bar()
    line = bar.add_task("placed", total=len(order.files))

    async def update(run: FlowRun) -> None:
        done = await read_progress(client, order.uuid) * len(order.files)
        bar.update(line, completed=round(done), description=escape(await say_doing(client, run)))

    ended = await follow(client, run, bar, update, token=order.uuid)
    if ended is None:
        return True
    report = await read_report(client, order.uuid)
    if report is not None:
        console.print(report_table(report, web_url))
    return has_completed(ended)
