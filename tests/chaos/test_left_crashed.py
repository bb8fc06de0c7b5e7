"""A run crashes, or is taken and never begins, and Prefect's automations do not hear of it, as when its server is
killed at that moment: a look into Prefect's database finds it, and it goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending

from contracts.automation_name import AutomationName
from sandbox.site import Site
from tasks.crashed_runs import LEFT_ALONE, NEVER_BEGUN, restart_crashed_runs, restart_unbegun_runs
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.desk import Placed
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_images

Look = Callable[[PrefectClient, timedelta], Awaitable[list[FlowRun]]]


@contextmanager
def no_automation(desk: OrderDesk) -> Iterator[None]:
    """As if the server had forgotten what it was told."""
    found = [one for name in AutomationName for one in desk.client.read_automations_by_name(name.value)]
    assert len(found) == len(AutomationName)
    for automation in found:
        desk.client.pause_automation(automation.id)
    try:
        yield
    finally:
        for automation in found:
            desk.client.resume_automation(automation.id)


def test_a_crashed_run_is_started_again_when_nothing_else_does(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    brakes = set_brakes(site, ("ManagedRepository.importFileset.after", "IUpdate.saveAndReturnArray.before"))
    orders = desk.place_each(write_images(order_folder, len(brakes), series=2))
    wait_until_all_reached(brakes)
    with no_automation(desk):
        for placed in orders:
            placed.kill()
        release_all(brakes)
        for placed in orders:
            placed.wait_for_state("Crashed")
        crashed = {placed.run_id for placed in orders}
        assert not crashed & _restart(desk, LEFT_ALONE), "the automations come first"
        assert _restart(desk, timedelta()) >= crashed
    # A worker reports the same death once more, and may crash what was started again this early.
    for placed in orders:
        placed.wait_until_ended()
        assert any("nothing had started it again" in (state.message or "") for state in placed.history())
    check_aftermath(desk, *map(Ending, orders))
    assert not crashed & _restart(desk, timedelta()), "a run that has ended is left alone"


def test_a_run_that_was_taken_and_never_began_is_started_again(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    site.hold("worker")
    try:
        (placed,) = desk.place_each(write_images(order_folder, 1))
        with no_automation(desk):
            # What a worker leaves that dies between taking a run and starting its process.
            desk.client.set_flow_run_state(placed.run_id, Pending(name="Submitting"), force=True)
            assert placed.run_id not in _restart(desk, NEVER_BEGUN, restart_unbegun_runs), "it may begin yet"
            assert placed.run_id in _restart(desk, timedelta(), restart_unbegun_runs)
    finally:
        site.release("worker")
    placed.wait_until_ended()
    check_aftermath(desk, Ending(placed))


def test_its_deployment_looks_for_them(desk: OrderDesk) -> None:
    deployment = desk.client.read_deployment_by_name("restart-crashed/restart-crashed")
    run = desk.client.create_flow_run_from_deployment(deployment.id)
    ended = Placed(desk, run.id, run.id).wait_until_ended()
    assert ended.is_completed() and "crashed runs" in (ended.message or ""), ended


def _restart(desk: OrderDesk, left_alone: timedelta, look: Look = restart_crashed_runs) -> set[object]:
    async def restart() -> set[object]:
        async with desk.asynchronous_client() as client:
            return {run.id for run in await look(client, left_alone)}

    return asyncio.run(restart())
