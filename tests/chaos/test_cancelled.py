"""An order is cancelled in the middle: nothing half done is left, and a retry does all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from sandbox.site import Site
from tests.chaos.aftermath import Ending, check_aftermath
from tests.chaos.brake import Brake
from tests.chaos.converter_images import ConverterImages
from tests.chaos.converter_processes import pause_converter
from tests.chaos.placed_orders import OrderDesk, PlacedOrder
from tests.chaos.tiny_images import write_image
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(900)

OMETIFF = {"converter": "builtin", "options": {"outputformat": "ometiff"}}


def test_cancelled_in_the_middle(
    site: Site, desk: OrderDesk, order_folder: Path, converter_images: ConverterImages | None
) -> None:
    """While a child process converts, while a container converts, before OMERO knows of it, while OMERO imports."""
    child = desk.place([write_image(order_folder / "child.ome.tif")], preprocessing=OMETIFF)
    pause_converter(child, order_folder)
    begin = Brake(site, "ManagedRepository.importFileset.before")
    beginning = desk.place([write_image(order_folder / "beginning.ome.tif")])
    begin.wait_until_reached()
    objects = Brake(site, "Import.objects.before")
    importing = desk.place([write_image(order_folder / "importing.ome.tif")])
    objects.wait_until_reached()
    orders = [child, beginning, importing]
    if converter_images is not None:
        orders.append(_convert_in_container(desk, order_folder, converter_images))

    # A cancelled process has half a minute to undo what it began, so OMERO answers before the others are cancelled.
    desk.cancel([beginning])
    beginning.wait_for_state("Cancelling", "Cancelled")
    begin.release()
    others = [placed for placed in orders if placed is not beginning]
    desk.cancel(others)
    for placed in others:
        placed.wait_for_state("Cancelling", "Cancelled")
    # The import that was under way is deleted, though OMERO stands in the middle of it.
    importing.wait_for_state("Cancelled")
    objects.release()
    for placed in orders:
        placed.wait_until_ended()
    check_aftermath(desk, *(Ending(placed, StateType.CANCELLED) for placed in orders))

    (order_folder / "hold").unlink(missing_ok=True)
    desk.retry(orders)
    for placed in orders:
        placed.wait_for_state("Completed", "Failed", "Cancelled")
    check_aftermath(desk, *map(Ending, orders))


def _convert_in_container(desk: OrderDesk, folder: Path, images: ConverterImages) -> PlacedOrder:
    """An order whose container waits as long as there is a file `hold` beside the image."""
    (folder / "hold").touch()
    placed = desk.place([write_image(folder / "container.ome.tif")], preprocessing={"converter": images.build("waits")})
    wait_for("the container to run", lambda: images.containers_of(str(placed.order.uuid)), explain=placed.describe)
    return placed
