"""A worker that is told to end, as at every upgrade, gives its runs back: the next one goes on with them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_image, write_images

pytestmark = pytest.mark.timeout(900)

STEPS = (
    "ManagedRepository.importFileset.before",
    "Import.pixels.before",
    "IUpdate.saveAndReturnArray.after",
)


def test_its_runs_go_on_with_the_next(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    """Runs in the middle of their import, one whose process has only begun, and one that is being cancelled."""
    brakes = set_brakes(site, STEPS)
    orders = desk.place_each(write_images(order_folder, len(STEPS), series=2))
    wait_until_all_reached(brakes)
    [brake] = set_brakes(site, ("ManagedRepository.suggestChecksumAlgorithm.before",))
    cancelled = desk.place([write_image(order_folder / "cancelled.ome.tif")])
    brake.wait_until_reached()
    begun = desk.place([write_image(order_folder / "begun.ome.tif")])
    begun.wait_for_process()
    desk.cancel([cancelled])
    cancelled.wait_for_state("Cancelling", "Cancelled")
    brake.release()  # a cancelled process has half a minute to undo what it began, and OMERO has to answer for that
    before = {process for placed in orders for process in placed.processes()}

    site.hold("worker", seconds=60)
    for placed in (*orders, begun):
        assert not before & set(placed.processes())
        was_given_back = "Restarted" in [state.name for state in placed.history()]
        assert was_given_back or (placed is begun and placed.state().is_final()), placed.describe()
    release_all(brakes)
    site.release("worker")

    for placed in (*orders, begun, cancelled):
        placed.wait_until_ended()
    for placed in (*orders, begun):
        assert StateType.CRASHED not in [state.type for state in placed.history()], placed.describe()
    check_aftermath(desk, *map(Ending, (*orders, begun)), Ending(cancelled, StateType.CANCELLED))
