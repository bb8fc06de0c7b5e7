"""kill -9 of the flow's process at every step: the worker notices, the run is started again and finds its place.

All orders are killed at the same moment, each at another step, and are waited for together.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import Brake, release_all, set_brakes, wait_until_all_reached
from tests.chaos.converter_processes import pause_converter
from tests.chaos.placed_orders import OrderDesk, PlacedOrder
from tests.chaos.tiny_images import write_image, write_images
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1200)

#: The steps of one order, in their sequence, as OMERO sees them. Each brake catches one order; as every order passes
#: every brake that is still set, as many orders as brakes end up at one brake each.
STEPS = (
    "ISession.createSessionWithTimeout.before",  # authorise
    "ManagedRepository.importFileset.before",  # in-place import: OMERO knows nothing yet
    "ManagedRepository.importFileset.after",  # a fileset is there, and nobody was told
    "RawFileStore.size.before",  # the link is there, not yet verified
    "ImportProcess.verifyUpload.before",  # uploaded, and nothing runs
    "ImportProcess.verifyUpload.after",  # OMERO imports, and nobody was told
    "Import.objects.before",  # OMERO imports, no image yet
    "Import.pixels.before",  # the images are there, their import goes on
    "Import.response.before",  # all is done but the answer
    "IUpdate.saveAndReturnArray.before",  # annotate: not yet
    "IUpdate.saveAndReturnArray.after",  # annotated, and nobody was told
    "ThumbnailStore.setPixelsId.before",  # report
)
#: OMERO goes on importing here until the run's next attempt has come and found it at work.
STILL_IMPORTING = "Import.objects.before"


def test_killed_at_every_step(site: Site, desk: OrderDesk, order_folder: Path) -> None:
    converting = _bring_into_conversion(desk, order_folder)
    converted, before_import = _bring_behind_conversion(site, desk, order_folder)
    reported, before_end = _bring_behind_report(site, desk, order_folder)
    filled, after_record = _bring_behind_record(site, desk, order_folder)
    brakes = {brake.point: brake for brake in set_brakes(site, STEPS)}
    orders = desk.place_each(write_images(order_folder, len(STEPS), series=2))
    wait_until_all_reached(list(brakes.values()))
    [manifest] = order_folder.glob(f".processed/{converted.order.uuid}/*/manifest.json")
    made = manifest.stat().st_ino
    everyone = [*orders, converting, converted, reported, filled]
    for placed in everyone:
        placed.kill()
    unbegun = _kill_before_it_begins(desk, order_folder)
    still_importing = brakes.pop(STILL_IMPORTING)
    release_all([*brakes.values(), before_import, before_end, after_record])

    # Neither deleted nor imported a second time: the next attempt waits for OMERO and takes what it makes.
    waiting = wait_for(
        "all orders but one to end",
        lambda: _only_one_left(orders),
        explain=lambda: "\n".join(placed.describe() for placed in orders if not _has_ended(placed)),
    )
    waiting.wait_for_starts(2)
    wait_for("the next attempt to come to its import", lambda: len(_imports(waiting)) == 2, explain=waiting.describe)
    assert not _has_ended(waiting), "an order ended while OMERO was still at work on it"
    still_importing.release()

    for placed in everyone:
        placed.wait_until_ended()
        assert placed.starts() >= 2, placed.describe()
    unbegun.wait_until_ended()
    assert manifest.stat().st_ino == made, "what was whole was converted a second time"
    check_aftermath(desk, *map(Ending, [*everyone, unbegun]))


def _kill_before_it_begins(desk: OrderDesk, folder: Path) -> PlacedOrder:
    """An order whose process dies while it still loads Python: Prefect does not count that as a run of it."""
    placed = desk.place([write_image(folder / "unbegun.ome.tif")])
    placed.wait_for_process()
    placed.kill()
    assert placed.starts() == 0, placed.describe()
    return placed


def _bring_into_conversion(desk: OrderDesk, folder: Path) -> PlacedOrder:
    """An order whose converter stands still half-way; it has to die with the flow's process, even so."""
    file = write_image(folder / "converting.ome.tif", size=3000)
    placed = desk.place([file], preprocessing={"converter": "builtin", "options": {"outputformat": "ometiff"}})
    pause_converter(placed, folder)
    return placed


def _bring_behind_conversion(site: Site, desk: OrderDesk, folder: Path) -> tuple[PlacedOrder, Brake]:
    """An order whose file is converted and not yet imported."""
    brake = Brake(site, "ManagedRepository.suggestChecksumAlgorithm.before")
    placed = desk.place(
        [write_image(folder / "converted.ome.tif")],
        preprocessing={"converter": "builtin", "options": {"outputformat": "ometiff"}},
    )
    brake.wait_until_reached()
    return placed, brake


def _bring_behind_report(site: Site, desk: OrderDesk, folder: Path) -> tuple[PlacedOrder, Brake]:
    """An order that has reported and whose run has not ended."""
    report = Brake(site, "ThumbnailStore.setPixelsId.before")
    placed = desk.place([write_image(folder / "reported.ome.tif")])
    report.wait_until_reached()
    goodbye = Brake(site, "Router.destroySession.before")
    report.release()
    goodbye.wait_until_reached()
    assert placed.report() is not None
    return placed, goodbye


def _bring_behind_record(site: Site, desk: OrderDesk, folder: Path) -> tuple[PlacedOrder, Brake]:
    """An order whose form is a record in OMERO, and nobody was told."""
    brake = Brake(site, "IUpdate.saveObject.after")
    values = {"cell_line": "HeLa", "target_gene": "PLK1", "control": "knock-down"}
    placed = desk.place([write_image(folder / "filled.ome.tif")], forms=[{"form": "siRNA sample", "values": values}])
    brake.wait_until_reached()
    return placed, brake


def _has_ended(placed: PlacedOrder) -> bool:
    state = placed.state()
    return state.is_final() and not state.is_crashed()


def _only_one_left(orders: list[PlacedOrder]) -> PlacedOrder | None:
    left = [placed for placed in orders if not _has_ended(placed)]
    assert left, "every order ended, though OMERO is still at work on one"
    return left[0] if len(left) == 1 else None


def _imports(placed: PlacedOrder) -> list[str]:
    return [task.name for task in placed.task_runs() if task.name.startswith("import ")]
