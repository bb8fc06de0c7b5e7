"""`omero-flows migrate history`: what BIOMERO did goes on answering by its UUID."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site
from contracts.failures import FailureCategory, fail

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


@reported
def migrate_history(
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Take over the orders and workflows in BIOMERO's database; a second time what is new since.

    A worker does it; when this command or the worker is killed, nothing comes twice.
    """
    use_site(settings)
    asyncio.run(_migrate())


async def _migrate() -> None:
    from uuid import uuid4

    from rich.progress import Progress, SpinnerColumn, TextColumn

    from cli.placed_run import follow, has_completed, say_doing
    from contracts.deployment_names import BIOMERO_HISTORY
    from tasks.placing import place_flow_run
    from tasks.prefect_client import prefect_client

    token = uuid4()
    async with prefect_client() as client:
        run = await place_flow_run(client, BIOMERO_HISTORY, {}, name="history of BIOMERO", token=token, tags=[])
        bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console)
        shown = bar.add_task("waiting for a worker", total=None)

        async def update(now: FlowRun) -> None:
            bar.update(shown, description=await say_doing(client, now))

        ended = await follow(client, run, bar, update, token=run.id)
    if ended is not None and not has_completed(ended):
        raise fail(
            FailureCategory.BIOMERO_REFUSED,
            "The history was not taken over, or not all of it.",
            detail=(ended.state.message or "") if ended.state is not None else "",
            next_step=f"Do what it says, and call this again. The log: omero-flows show {ended.id}",
        )
    if ended is not None:
        console.print("See them with: omero-flows runs, omero-flows show UUID", highlight=False)
