"""Strikes at random moments: the flow's process, the worker, OMERO, again and again during orders of several files.

A run that fails here prints its seed; OMERO_FLOWS_CHAOS_SEED repeats it, as far as the machine's own timing does.
OMERO_FLOWS_CHAOS_STRIKES sets how many strikes there are.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from sandbox.site import Site, SiteFailed
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.placed_orders import OrderDesk, PlacedOrder
from tests.chaos.tiny_images import write_images

pytestmark = pytest.mark.timeout(900)

STRIKES = int(os.environ.get("OMERO_FLOWS_CHAOS_STRIKES", "12"))
SEED = int(os.environ.get("OMERO_FLOWS_CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
ORDERS = 4
#: A run that crashes more often than this is ended for good (tasks/crash_limit.py), as it should be.
MOST_KILLS = 3


def test_random_strikes(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    print(f"OMERO_FLOWS_CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    orders = []
    for number in range(ORDERS):
        folder = order_folder / f"order {number}"
        folder.mkdir()
        preprocessing = {"converter": "builtin", "options": {"outputformat": "ometiff"}} if number % 2 else None
        orders.append(desk.place(write_images(folder, 3, series=1 + number % 2), preprocessing=preprocessing))
    kills: Counter[UUID] = Counter()
    strikes = 0
    while strikes < STRIKES and any(not _has_ended(placed) for placed in orders):
        time.sleep(chance.uniform(0.2, 4.0))  # the moment is the case
        strikes += _strike(site, chance, orders, kills)
    for placed in orders:
        placed.wait_until_ended()
    check_aftermath(desk, *map(Ending, orders))


def _has_ended(placed: PlacedOrder) -> bool:
    state = placed.state()
    return state.is_final() and not state.is_crashed()


def _strike(site: Site, chance: random.Random, orders: list[PlacedOrder], kills: Counter[UUID]) -> int:
    """One strike at something that is alive; 0 when nothing was hit."""
    target = chance.choice(("flow", "flow", "flow", "worker", "omero"))
    if target != "flow":
        try:
            site.kill(target)
        except SiteFailed:
            return 0  # it is down already, and on its way up
        return 1
    alive = [placed for placed in orders if kills[placed.run_id] < MOST_KILLS and placed.processes()]
    if not alive:
        return 0
    victim = chance.choice(alive)
    if not victim.signal(signal.SIGKILL):
        return 0
    kills[victim.run_id] += 1
    return 1
