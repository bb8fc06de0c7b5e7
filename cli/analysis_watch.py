"""Watch an analysis run in the terminal until it ends."""

from __future__ import annotations

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from rich.markup import escape

from cli.analysis_table import analysis_tables
from cli.failures import console
from cli.flow_runs import read_analysis_report, read_standing, state_name
from cli.placed_run import follow, has_completed, say_doing, spinning_bar
from contracts.analysis_run import AnalysisRun


async def watch_run(client: PrefectClient, placed: FlowRun, run: AnalysisRun, web_url: str | None) -> bool:
    """Show the run until it ends, then its tables; Ctrl-C leaves it running. False when not all went well."""
    bar = spinning_bar()
    line = bar.add_task("placed")

    async def update(placed: FlowRun) -> None:
        bar.update(line, description=escape(await _say(client, placed, run)))

    ended = await follow(client, placed, bar, update, token=run.uuid)
    if ended is None:
        return True
    report = await read_analysis_report(client, run.uuid)
    if report is not None:
        for table in analysis_tables(report, web_url):
            console.print(table)
    return has_completed(ended)


async def _say(client: PrefectClient, placed: FlowRun, run: AnalysisRun) -> str:
    """One line: what the run does, or what it waits for."""
    if state_name(placed) != "Suspended":
        return await say_doing(client, placed)
    standing = await read_standing(client, run.uuid)
    return "waiting for the cluster" + (f": {standing.summary}" if standing is not None else "")
