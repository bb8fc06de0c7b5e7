"""The same order submitted twice at once is one order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.placed_orders import OrderDesk, PlacedOrder
from tests.chaos.tiny_images import write_images

pytestmark = pytest.mark.timeout(900)


def test_two_commands_and_four_clients_at_once(desk: OrderDesk, order_folder: Path) -> None:
    """Two people's terminals with one token, and four clients of Prefect's API with another."""
    files = write_images(order_folder, 3, series=2)
    typed = desk.make_order(files[:2])
    words = (
        "import",
        "--as",
        typed.user,
        "--group",
        typed.group,
        "--dataset",
        str(typed.destination.name),
        "--uuid",
        str(typed.uuid),
        *map(str, files[:2]),
    )
    commands = [desk.command(*words) for _ in range(2)]
    called = desk.make_order(files[2:])
    ids = asyncio.run(desk.place_at_once(called, 4))
    assert len(ids) == 1
    for command in commands:
        output, _ = command.communicate(timeout=600)
        assert command.returncode == 0, output
        assert "2 of 2" in output or "imported" in output, output
    first = PlacedOrder(desk, typed.uuid, desk.find_run(typed), typed)
    second = PlacedOrder(desk, called.uuid, ids.pop(), called)
    for placed in (first, second):
        placed.wait_until_ended()
    check_aftermath(desk, Ending(first), Ending(second))
