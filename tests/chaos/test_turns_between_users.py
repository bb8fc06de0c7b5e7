"""A worker with few places: somebody's one order does not wait for somebody else's many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_images

pytestmark = pytest.mark.timeout(900)

PLACES = 2


def test_one_order_beside_many(site: Site, desk: OrderDesk, order_folder: Path, tmp_path: Path) -> None:
    site.hold("worker", seconds=60)
    images = write_images(order_folder, 3 * PLACES + 1)
    many = [desk.place([image]) for image in images[1:]]
    one = desk.place(images[:1], user="bob")
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "worker",
        "--pool",
        "imports",
        "--limit",
        str(PLACES),
        "--name",
        "small",
    ]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | site.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            for placed in (*many, one):
                placed.wait_until_ended()
        finally:
            worker.terminate()
            worker.wait(timeout=60)
            site.release("worker")
    begun = sorted((placed.history()[1].timestamp, placed is one) for placed in (*many, one))
    assert [is_one for _, is_one in begun[:PLACES]].count(True) == 1, begun
    check_aftermath(desk, *map(Ending, (*many, one)))
