"""`omero-flows runs`: the latest orders."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site


@reported
def runs(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """List the latest orders, newest first."""
    use_site(settings)
    asyncio.run(_list(limit))


async def _list(limit: int) -> None:
    from rich.markup import escape

    from cli.flow_runs import list_runs, local, state_moment, state_name, token_of
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        found = await list_runs(client, limit)
    if not found:
        console.print("There are no orders yet. Place one with: omero-flows import --help")
        return
    for run in found:  # two lines a run: a table with UUIDs does not fit 80 columns
        message = (run.state.message or "") if run.state is not None else ""
        console.print(f"{state_name(run):10} [dim]{local(state_moment(run))}[/]  {token_of(run)}", highlight=False)
        console.print(
            f"           {escape(run.name)}" + (f": {escape(message[:200])}" if message else ""),
            highlight=False,
            soft_wrap=True,
        )
