"""`omero-flows show UUID`: one order, its state and every file of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site


@reported
def show(
    order: Annotated[str, typer.Argument(metavar="UUID", help="The order's UUID.")],
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Show one order: its state, and what became of each of its files."""
    use_site(settings)
    asyncio.run(_show(order, as_json))


async def _show(order: str, as_json: bool) -> None:
    from rich.markup import escape

    from cli.analysis_table import analysis_tables
    from cli.flow_runs import (
        find_run,
        local,
        parse_token,
        read_analysis_report,
        read_report,
        read_standing,
        state_moment,
        state_name,
        token_of,
    )
    from cli.history_table import history_table
    from cli.report_table import report_table
    from contracts.migrated_run import read_history
    from tasks.order_run import load_blocks
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        run = await find_run(client, parse_token(order))
        report = await read_report(client, token_of(run))
        analysis = None if report is not None else await read_analysis_report(client, token_of(run))
        standing = await read_standing(client, token_of(run))
        history = read_history(run.tags, run.parameters)
        if as_json:
            shown = report or analysis or history
            typer.echo(shown.model_dump_json(indent=2) if shown is not None else "null")
            return
        server, _ = await load_blocks()
    console.print(f"[bold]{escape(run.name)}[/]", highlight=False)
    console.print(f"  order   {token_of(run)}", highlight=False)
    if run.state is not None:
        console.print(f"  state   {state_name(run)} since {local(state_moment(run))}", highlight=False)
        if run.state.message:
            console.print(f"          {escape(run.state.message)}", highlight=False)
    if history is not None:
        console.print(f"  placed  {local(history.placed)}, done by BIOMERO", highlight=False)
        console.print(history_table(history))
        return
    console.print(f"  placed  {local(run.created)}, started {_times(run.run_count)}", highlight=False)
    if standing is not None and run.state is not None and not run.state.is_final():
        console.print(f"  cluster {escape(standing.summary)}", highlight=False)
    if report is not None:
        console.print(report_table(report, server.web_url))
    elif analysis is not None:
        for table in analysis_tables(analysis, server.web_url):
            console.print(table)
    else:
        console.print("  There is no report yet.")


def _times(number: int) -> str:
    return {0: "not yet", 1: "once", 2: "twice"}.get(number, f"{number} times")
