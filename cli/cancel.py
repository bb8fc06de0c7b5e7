"""`omero-flows cancel UUID`: stop an order; what is in OMERO stays, nothing is left half done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site
from contracts.failures import FailureCategory, fail


@reported
def cancel(
    order: Annotated[str, typer.Argument(metavar="UUID", help="The order's UUID.")],
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Cancel an order. The import that runs is undone; files imported before stay in OMERO."""
    use_site(settings)
    asyncio.run(_cancel(order))


async def _cancel(order: str) -> None:
    from prefect.client.schemas.objects import State
    from prefect.states import Cancelled, Cancelling

    from cli.flow_runs import find_run, parse_token, state_name, token_of
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        run = await find_run(client, parse_token(order))
        if run.state is not None and run.state.is_final():
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"This order has ended already ({state_name(run)}).",
                next_step=f"See it with: omero-flows show {token_of(run)}",
            )
        # A run that waits for a worker or for its job has no process that could end it.
        waiting = run.state is not None and (run.state.is_scheduled() or run.state.is_paused())
        said = "Cancelled from the command line"
        state: State[object] = Cancelled(message=said) if waiting else Cancelling(message=said)
        await client.set_flow_run_state(run.id, state)
    console.print(f"Cancelling. See it with: omero-flows show {token_of(run)}", highlight=False)
