"""The Prefect server is down for half a minute while orders are under way; afterwards they can be cancelled."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.converter_processes import pause_converter
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_image, write_images
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)

STEPS = (
    "ISession.createSessionWithTimeout.before",
    "ManagedRepository.importFileset.before",
    "Import.objects.before",
    "IUpdate.saveAndReturnArray.before",
    "ThumbnailStore.setPixelsId.before",
)
#: Seconds; the length of the outage is the case itself.
OUTAGE = 30.0
#: Longer than Prefect's own observers ask for what is cancelled (three times in half a minute).
LONG_OUTAGE = 50.0


def test_prefect_down_for_half_a_minute(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    brakes = set_brakes(site, STEPS)
    orders = desk.place_each(write_images(order_folder, len(STEPS), series=2))
    wait_until_all_reached(brakes)
    site.hold("prefect", kill=True)
    began = time.monotonic()
    release_all(brakes)
    time.sleep(max(0.0, OUTAGE - (time.monotonic() - began)))
    site.release("prefect", seconds=200)
    for placed in orders:
        placed.wait_until_ended()
    check_aftermath(desk, *map(Ending, orders))
    # Prefect's default forgets at its death who holds a place, and so never gives it back: soon nobody imports.
    wait_for(
        "every place to import to be free", lambda: not _places_taken(desk), explain=lambda: str(_places_taken(desk))
    )


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "ended in order"])
def test_an_order_is_cancelled_after_prefect_was_down(
    site: Site, desk: OrderDesk, order_folder: Path, kill: bool
) -> None:
    """It was under way all the time: what hears of its cancellation is older than the outage."""
    converted = {"converter": "builtin", "options": {"outputformat": "ometiff"}}
    placed = desk.place([write_image(order_folder / "cells.ome.tif")], preprocessing=converted)
    pause_converter(placed, order_folder)
    site.hold("prefect", kill=kill)
    time.sleep(LONG_OUTAGE if kill else 0.0)
    site.release("prefect", seconds=200)
    desk.cancel([placed])
    placed.wait_for_state("Cancelled")
    check_aftermath(desk, Ending(placed, StateType.CANCELLED))


def _places_taken(desk: OrderDesk) -> dict[str, int]:
    limits = desk.client.read_global_concurrency_limits(limit=100, offset=0)
    return {limit.name: limit.active_slots for limit in limits if "imports" in limit.name and limit.active_slots}
