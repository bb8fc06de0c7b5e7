"""`omero-flows retry UUID`: run an order again; what is done stays done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site
from contracts.failures import WAITING, FailureCategory, fail
from contracts.run_tags import MIGRATED


@reported
def retry(
    order: Annotated[str, typer.Argument(metavar="UUID", help="The order's UUID.")],
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Run a failed, cancelled or crashed order again. Files that are in OMERO stay as they are.

    A run that waits for OMERO or the cluster tries again at once.
    """
    use_site(settings)
    asyncio.run(_retry(order))


async def _retry(order: str) -> None:
    from prefect.states import Scheduled

    from cli.flow_runs import find_run, parse_token, state_name, token_of
    from tasks.prefect_client import prefect_client
    from tasks.retry_run import retry_run

    async with prefect_client() as client:
        run = await find_run(client, parse_token(order))
        if state_name(run).startswith(WAITING):
            await client.set_flow_run_state(run.id, Scheduled(message="Hurried from the command line"), force=True)
            console.print(f"It tries again now. See it with: omero-flows show {token_of(run)}", highlight=False)
            return
        if MIGRATED in run.tags:
            raise fail(
                FailureCategory.BAD_REQUEST,
                "BIOMERO did this run; here is only its history.",
                next_step="Place a new order. An order that failed may be set to Import Pending in BIOMERO's database.",
            )
        if run.state is None or not run.state.is_final():
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"This order is {state_name(run).lower()}; it has not ended.",
                next_step=f"See it with: omero-flows show {token_of(run)}",
            )
        if run.state.is_completed():
            raise fail(
                FailureCategory.BAD_REQUEST,
                "This order has succeeded; there is nothing to retry.",
                next_step="Place a new order to import the files again.",
            )
        await retry_run(client, run.id, "Retried from the command line")
    console.print(f"Retried. See it with: omero-flows show {token_of(run)}", highlight=False)
