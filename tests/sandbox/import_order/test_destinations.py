"""Plates into Screens, filesets of many files, Projects; and one login for all of an order."""

from __future__ import annotations

import asyncio
import uuid

from omero.gateway import BlitzGateway
from omero.rtypes import unwrap

from contracts import namespaces
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory
from contracts.source_file import SourceFile
from sandbox.samples.plate import COLUMNS, ROWS, SITES, write_plate
from sandbox.samples.time_lapse import write_time_lapse
from tests.sandbox.import_order.conftest import BUILTIN, Orders
from tests.sandbox.import_order.test_orders import links_of, pairs_of


async def test_a_plate_in_a_new_screen(orders: Orders) -> None:
    htd = await asyncio.to_thread(write_plate, orders.folder / "plate 7", "plate 7")
    (orders.folder / "plate 7" / "metadata.csv").write_text("Compound,DMSO\n", "utf-8")
    screen = Destination(type=DestinationType.SCREEN, name=f"Screen {uuid.uuid4()}")
    order = orders.order(SourceFile(path=f"{orders.folder.name}/plate 7/{htd.name}"), destination=screen)
    report = await orders.run(order)
    assert report.failed == ()
    (plate,) = report.files[0].objects
    assert plate.type == "Plate"
    found = orders.gateway.getObject("Plate", plate.id)
    assert [parent.getName() for parent in found.listParents()] == [screen.name]
    wells = list(found.listChildren())
    assert len(wells) == ROWS * COLUMNS
    assert [well.countWellSample() for well in wells] == [SITES] * len(wells)
    pairs = dict(pairs_of(orders, plate.id, namespaces.IMPORT, "Plate"))
    assert pairs["DestinationType"] == "Screen"
    assert pairs["csv_Compound"] == "DMSO"
    links = links_of(orders, report.files[0].filesets[0])
    written = {path.name for path in (orders.folder / "plate 7").rglob("*") if path.suffix in {".TIF", ".HTD"}}
    assert {link.name for link in links} == written
    assert all(link.is_symlink() for link in links)
    assert len(await orders.images(order)) == ROWS * COLUMNS * SITES
    again = await orders.run(order)
    assert again.files[0].objects == report.files[0].objects


async def test_an_image_goes_into_no_screen(orders: Orders) -> None:
    screen = Destination(type=DestinationType.SCREEN, name=f"Screen {uuid.uuid4()}")
    order = orders.order(orders.write_tiff("a.tif"), destination=screen)
    report = await orders.run(order)
    failure = report.files[0].failure
    assert failure is not None
    assert failure.category is FailureCategory.BAD_REQUEST
    assert await orders.images(order) == []
    assert await orders.empty_filesets() == []


async def test_companions_in_a_dataset_of_a_project(orders: Orders) -> None:
    companion = await asyncio.to_thread(write_time_lapse, orders.folder, "migration")
    there = Destination(type=DestinationType.DATASET, name=orders.dataset, project=f"Project {uuid.uuid4()}")
    order = orders.order(orders.named(companion.name), destination=there)
    report = await orders.run(order)
    assert report.failed == ()
    links = links_of(orders, report.files[0].filesets[0])
    assert {link.name for link in links} == {path.name for path in orders.folder.iterdir() if path.is_file()}
    assert len(links) > 2
    dataset = orders.gateway.getObject("Image", report.files[0].objects[0].id).getParent()
    assert dataset.getName() == orders.dataset
    assert dataset.getParent().getName() == there.project
    second = orders.order(orders.write_tiff("b.tif"), destination=there)
    report = await orders.run(second)
    assert orders.gateway.getObject("Image", report.files[0].objects[0].id).getParent().getId() == dataset.getId()


async def test_one_login_for_an_order(orders: Orders) -> None:
    order = orders.order(*(orders.write_tiff(f"{seed}.tif", seed) for seed in range(3)), preprocessing=BUILTIN)
    before = await asyncio.to_thread(count_sessions, orders)
    report = await orders.run(order)
    after = await asyncio.to_thread(count_sessions, orders)
    assert report.failed == ()
    assert {user: after[user] - before[user] for user in after} == {"importer": 1, "alice": 1}


def count_sessions(orders: Orders) -> dict[str, int]:
    """OMERO sessions ever opened, by the sudo account itself and by it for alice."""
    site = orders.site
    gateway = BlitzGateway("root", site.password("root"), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    try:
        rows = gateway.getQueryService().projection(
            "select s.owner.omeName, count(s.id) from Session s where s.owner.omeName in ('importer', 'alice') "
            "group by s.owner.omeName",
            None,
            {"omero.group": "-1"},
        )
        return {"importer": 0, "alice": 0} | dict(unwrap(rows))
    finally:
        gateway.close()
