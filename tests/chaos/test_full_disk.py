"""`.processed` on a disk that is full: a clear failure, nothing half written, and a retry once there is space."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from contracts.failures import FailureCategory
from tests.chaos.aftermath import Ending, check_aftermath, take_away
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_image

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root"),
]


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A tmpfs of `size` mounted on a new folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def grow(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def test_conversion_onto_a_full_disk(desk: OrderDesk, order_folder: Path) -> None:
    file = write_image(order_folder / "large.ome.tif", size=1200)
    processed = order_folder / ".processed"
    with small_disk(processed, "1m"):
        placed = desk.place([file], preprocessing={"converter": "builtin", "options": {"outputformat": "ometiff"}})
        placed.wait_until_ended()
        report = placed.report()
        assert report is not None and report.files[0].failure is not None, placed.describe()
        assert report.files[0].failure.category is FailureCategory.DISK_FULL, report.files[0].failure
        assert not list(processed.rglob("*")), "something is left on the full disk"
        check_aftermath(desk, Ending(placed, StateType.FAILED))
        grow(processed, "100m")
        desk.retry([placed])
        placed.wait_for_state("Completed", "Failed")
        check_aftermath(desk, Ending(placed))
        take_away(placed)
