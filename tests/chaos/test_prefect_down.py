"""The Prefect server is down for half a minute while orders are under way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_images

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
