"""kill -9 of OMERO in the middle of imports: the flows' own processes wait for it and go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.placed_orders import OrderDesk
from tests.chaos.tiny_images import write_images

pytestmark = pytest.mark.timeout(900)

STEPS = (
    "ISession.createSessionWithTimeout.after",
    "ManagedRepository.importFileset.before",
    "ManagedRepository.importFileset.after",
    "RawFileStore.size.before",
    "ImportProcess.verifyUpload.before",
    "ImportProcess.verifyUpload.after",
    "Import.objects.before",
    "Import.pixels.before",
    "IUpdate.saveAndReturnArray.before",
    "IUpdate.saveAndReturnArray.after",
)


def test_omero_killed_during_imports(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    brakes = set_brakes(site, STEPS)
    orders = desk.place_each(write_images(order_folder, len(STEPS), series=2))
    wait_until_all_reached(brakes)
    site.kill("omero")
    release_all(brakes)
    site.wait_until_ready("omero", seconds=120)
    for placed in orders:
        placed.wait_until_ended()
        crashes = [state for state in placed.history() if state.is_crashed()]
        assert not crashes, f"a run's process died of OMERO's death\n{placed.describe()}"
    check_aftermath(desk, *map(Ending, orders))
