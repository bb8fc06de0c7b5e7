"""A flow run that a command has placed: found again by its token, and followed in the terminal until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.failures import console
from cli.flow_runs import state_name

_POLL_SECONDS = 0.7


def count_bar() -> Progress:
    """A bar that counts: what is done, of how many, since when."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def spinning_bar() -> Progress:
    """What is done now, since when; for what cannot be counted."""
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)


async def follow(
    client: PrefectClient, run: FlowRun, bar: Progress, update: Callable[[FlowRun], Awaitable[None]], *, token: UUID
) -> FlowRun | None:
    """Show the run until it ends; `update` brings the bar up to date. None after Ctrl-C, which leaves the run running.

    A crashed run is started again by itself and is followed on.
    """
    seen = ""
    try:
        with _shown(bar):
            while True:
                run = await client.read_flow_run(run.id)
                await update(run)
                if state_name(run) != seen and run.state is not None and run.state.message:
                    bar.console.print(f"  {state_name(run)}: {escape(run.state.message)}", highlight=False)
                seen = state_name(run)
                if run.state is not None and run.state.is_final() and run.state.type is not StateType.CRASHED:
                    return run
                await asyncio.sleep(_POLL_SECONDS)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(f"\nIt goes on without this window. See it with: omero-flows show {token}", highlight=False)
        return None


@contextmanager
def _shown(bar: Progress) -> Iterator[None]:
    try:
        with Live(bar, console=console, refresh_per_second=6):
            yield
    finally:
        # Rich ends its last picture with a line end on a terminal alone: in a log, what follows stood behind it.
        if not console.is_terminal:
            console.line()


def has_completed(run: FlowRun) -> bool:
    return run.state is not None and run.state.type is StateType.COMPLETED


async def say_doing(client: PrefectClient, run: FlowRun) -> str:
    """The run's state, and the name of the step that began last and still runs: `running  import a.lif`."""
    running = await client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING]))),
        sort=TaskRunSort.EXPECTED_START_TIME_DESC,
        limit=1,
    )
    name = state_name(run)
    return f"{_WORDS.get(name, name.lower())}  {running[0].name if running else ''}"


_WORDS = {"Scheduled": "waiting for a worker", "Late": "waiting for a worker", "Pending": "starting"}
