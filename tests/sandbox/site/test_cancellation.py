"""A worker hears that a run is cancelled once, and not again when the run is tried anew within the minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect._internal.observers import FlowRunCancellingObserver
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.states import AwaitingRetry, Cancelled, Cancelling, Pending, Running, State

from deployments.cancellation import LastingObserver
from flows.check_site import check_site
from sandbox.site import Site
from tests.chaos.waiting import PREFECT_GLANCE, wait_for
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["prefect_of_the_site"]


@asynccontextmanager
async def observed(kind: type[FlowRunCancellingObserver], run: UUID) -> AsyncIterator[asyncio.Queue[UUID]]:
    """The cancellations that a worker which has just taken the run is told of."""
    heard: asyncio.Queue[UUID] = asyncio.Queue()
    async with kind(on_cancelling=heard.put_nowait) as observer:
        observer.add_in_flight_flow_run_id(run)
        yield heard


async def go_through(client: PrefectClient, run: UUID, *states: State) -> None:
    for state in states:
        await client.set_flow_run_state(run, state, force=True)


async def tried_again(client: PrefectClient) -> UUID:
    """A run that was cancelled while it ran, and that a worker has taken once more."""
    run = (await client.create_flow_run(check_site, name="cancelled and tried again")).id
    await go_through(client, run, Pending(), Running(), Cancelling(), Cancelled(), AwaitingRetry(), Pending())
    # Prefect keeps events some seconds after it has sent them; a worker that asks is told of those that are kept.
    of_it = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.Cancelling"]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
    )
    with get_client(sync_client=True) as asking:
        await asyncio.to_thread(
            wait_for,
            "Prefect to keep the event of the cancellation",
            lambda: asking.read_events(filter=of_it, limit=1).events,
            glance=PREFECT_GLANCE,
        )
    return run


async def test_a_run_that_is_tried_again_is_not_cancelled_by_its_past(site: Site) -> None:
    async with get_client() as client:
        run = await tried_again(client)
        other = (await client.create_flow_run(check_site, name="cancelled after the other")).id
        async with observed(LastingObserver, run) as heard, observed(LastingObserver, other) as heard_of_the_other:
            await go_through(client, other, Pending(), Running(), Cancelling())
            assert await asyncio.wait_for(heard_of_the_other.get(), 60) == other
            assert heard.empty()
            await go_through(client, run, Running(), Cancelling())
            assert await asyncio.wait_for(heard.get(), 60) == run
            assert heard.empty()


async def test_a_run_that_was_cancelled_before_its_process_began_is_cancelled(site: Site) -> None:
    async with get_client() as client:
        run = (await client.create_flow_run(check_site, name="cancelled before its process began")).id
        late: asyncio.Queue[UUID] = asyncio.Queue()
        async with LastingObserver(on_cancelling=late.put_nowait) as observer, observed(LastingObserver, run) as heard:
            await go_through(client, run, Pending(), Running(), AwaitingRetry(), Pending(), Cancelling())
            assert await asyncio.wait_for(heard.get(), 60) == run
            observer.add_in_flight_flow_run_id(run)
            assert await asyncio.wait_for(late.get(), 60) == run
            assert late.empty()


async def test_prefects_own_observer_still_needs_mending(site: Site) -> None:
    """When this fails Prefect has mended it, and `_consume_events` of ours may go."""
    async with get_client() as client:
        run = await tried_again(client)
        async with observed(FlowRunCancellingObserver, run) as heard:
            assert await asyncio.wait_for(heard.get(), 60) == run
