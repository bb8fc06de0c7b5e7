"""Place an order as a flow run, and watch it in the terminal until it ends."""

from __future__ import annotations

import asyncio
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import TaskRunSort
from prefect.exceptions import ObjectNotFound
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.failures import console
from cli.flow_runs import read_progress, read_report, state_name
from cli.report_table import report_table
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from contracts.run_tags import order_tags

DEPLOYMENT = "import-order/import-order"
POLL_SECONDS = 0.7


async def place(client: PrefectClient, order: ImportOrder) -> FlowRun:
    """Make the order's flow run; the same token again gives the run that is there.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    return await make_flow_run(
        client,
        DEPLOYMENT,
        {"order": order.model_dump(mode="json")},
        name=order.title,
        token=order.uuid,
        tags=order_tags(order),
    )


async def make_flow_run(
    client: PrefectClient,
    name_of_deployment: str,
    parameters: dict[str, object],
    *,
    name: str,
    token: UUID,
    tags: list[str],
) -> FlowRun:
    """A flow run of a deployment, found again by its token.

    Raises:
        FailureError: NOT_CONFIGURED when there is no deployment.
    """
    try:
        deployment = await client.read_deployment_by_name(name_of_deployment)
    except ObjectNotFound as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"Prefect has no deployment {name_of_deployment}.",
            next_step="Run `omero-flows deploy --settings site.toml`.",
        ) from error
    return await client.create_flow_run_from_deployment(
        deployment.id, parameters=parameters, name=name, idempotency_key=str(token), tags=tags
    )


async def watch(client: PrefectClient, run: FlowRun, order: ImportOrder, web_url: str | None) -> bool:
    """Show the run until it ends, then its table; Ctrl-C leaves it running. True when all was imported."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    line = bar.add_task("placed", total=len(order.files))
    seen = ""
    try:
        with Live(bar, console=console, refresh_per_second=6):
            while True:
                run = await client.read_flow_run(run.id)
                done = await read_progress(client, order.uuid) * len(order.files)
                bar.update(
                    line, completed=round(done), description=escape(f"{say_state(run)}  {await doing(client, run)}")
                )
                if state_name(run) != seen and run.state is not None and run.state.message:
                    bar.console.print(f"  {state_name(run)}: {escape(run.state.message)}", highlight=False)
                seen = state_name(run)
                if run.state is not None and run.state.is_final() and run.state.type is not StateType.CRASHED:
                    break
                await asyncio.sleep(POLL_SECONDS)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(
            f"\nThe order goes on without this window. See it with: omero-flows show {order.uuid}", highlight=False
        )
        return True
    report = await read_report(client, order.uuid)
    if report is not None:
        console.print(report_table(report, web_url))
    return run.state is not None and run.state.type is StateType.COMPLETED


async def doing(client: PrefectClient, run: FlowRun) -> str:
    """The name of the step that began last and still runs, for example `import a.lif`."""
    running = await client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING]))),
        sort=TaskRunSort.EXPECTED_START_TIME_DESC,
        limit=1,
    )
    return running[0].name if running else ""


_WORDS = {"Scheduled": "waiting for a worker", "Late": "waiting for a worker", "Pending": "starting"}


def say_state(run: FlowRun) -> str:
    name = state_name(run)
    return _WORDS.get(name, name.lower())
