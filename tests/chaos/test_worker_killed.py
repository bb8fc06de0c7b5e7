"""kill -9 of the worker together with the flow's process: nobody is left who could report, and yet the run goes on.

Found by the heartbeats that do not come; a paused process is found so too, and wakes up beside its successor.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.placed_orders import OrderDesk, PlacedOrder
from tests.chaos.tiny_images import write_image, write_images
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)

STEPS = (
    "ISession.createSessionWithTimeout.before",
    "ManagedRepository.importFileset.after",
    "Import.pixels.before",
    "IUpdate.saveAndReturnArray.after",
    "ThumbnailStore.setPixelsId.before",
)


def test_worker_and_flow_killed_at_once(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    brakes = set_brakes(site, STEPS)
    orders = desk.place_each(write_images(order_folder, len(STEPS), series=2))
    wait_until_all_reached(brakes)
    paused = _pause_one_more(site, desk, order_folder)
    pending = desk.place([write_image(order_folder / f"pending {number}.ome.tif") for number in range(2)])
    pending.wait_for_process()
    site.kill("worker")
    for placed in (*orders, pending):
        placed.kill()
    release_all(brakes)

    # The successor of the process that sleeps waits for it, because nobody can know that it will not wake up.
    paused.wait_for_starts(2)
    wait_for(
        "the second process to wait for the first",
        lambda: "Another process works at this" in paused.describe(),
        explain=paused.describe,
    )
    paused.signal(signal.SIGCONT)

    for placed in (*orders, pending, paused):
        placed.wait_until_ended()
    check_aftermath(desk, *map(Ending, (*orders, pending, paused)))


def _pause_one_more(site: Site, desk: OrderDesk, folder: Path) -> PlacedOrder:
    """An order whose process is stopped (SIGSTOP) in the middle of its import."""
    [brake] = set_brakes(site, ("ManagedRepository.suggestChecksumAlgorithm.before",))
    placed = desk.place([write_image(folder / "paused.ome.tif")])
    brake.wait_until_reached()
    assert placed.signal(signal.SIGSTOP)
    brake.release()
    return placed
