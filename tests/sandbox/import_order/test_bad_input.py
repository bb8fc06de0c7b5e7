"""Bad input gets a clear error, and nothing is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from omero.model import DatasetI
from omero.rtypes import rstring

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from contracts.destination import Destination, DestinationType
from contracts.failures import FailureCategory, FailureError
from contracts.import_report import ImportReport
from contracts.import_source import ImportSource
from contracts.source_file import SourceFile
from tasks.authorise import check_order
from tasks.in_place_import import import_once
from tasks.order_run import OrderRun
from tests.sandbox.import_order.conftest import Orders

DATASET = DestinationType.DATASET


def categories(report: ImportReport) -> set[FailureCategory]:
    return {outcome.failure.category for outcome in report.files if outcome.failure is not None}


@pytest.mark.parametrize(
    ("user", "group", "category"),
    [
        ("nobody", "lab-a", FailureCategory.UNKNOWN_USER),
        ("alice", "no such group", FailureCategory.UNKNOWN_GROUP),
        ("bob", "lab-b", FailureCategory.NOT_A_MEMBER),
    ],
)
async def test_who_may_not_order(orders: Orders, user: str, group: str, category: FailureCategory) -> None:
    order = orders.order(orders.write_tiff("a.tif"), user=user, group=group)
    report = await orders.run(order)
    assert categories(report) == {category}
    assert await orders.images(order) == []


async def make_dataset(orders: Orders, group: str) -> int:
    def make() -> int:
        context = orders.gateway.SERVICE_OPTS.copy()
        context.setOmeroGroup(
            next(item.getId() for item in orders.gateway.getGroupsMemberOf() if item.getName() == group)
        )
        dataset = DatasetI()
        dataset.setName(rstring("somewhere"))
        made = orders.gateway.getUpdateService().saveAndReturnObject(dataset, context)
        return int(made.id.val)

    return await asyncio.to_thread(make)


async def test_a_destination_of_another_group(orders: Orders) -> None:
    there = await make_dataset(orders, "lab-b")
    order = orders.order(orders.write_tiff("a.tif"), destination=Destination(type=DATASET, id=there))
    assert categories(await orders.run(order)) == {FailureCategory.UNKNOWN_DESTINATION}


async def test_a_destination_that_is_only_to_be_read(orders: Orders) -> None:
    there = await make_dataset(orders, "lab-a")
    order = orders.order(orders.write_tiff("a.tif"), user="bob", destination=Destination(type=DATASET, id=there))
    assert categories(await orders.run(order)) == {FailureCategory.DESTINATION_NOT_WRITABLE}


async def test_a_destination_that_is_deleted(orders: Orders) -> None:
    there = await make_dataset(orders, "lab-a")
    await asyncio.to_thread(orders.gateway.deleteObjects, "Dataset", [there], wait=True)
    order = orders.order(orders.write_tiff("a.tif"), destination=Destination(type=DATASET, id=there))
    assert categories(await orders.run(order)) == {FailureCategory.UNKNOWN_DESTINATION}


def missing(orders: Orders) -> SourceFile:
    return orders.named("missing.tif")


def empty(orders: Orders) -> SourceFile:
    (orders.folder / "empty.tif").touch()
    return orders.named("empty.tif")


def truncated(orders: Orders) -> SourceFile:
    file = orders.write_tiff("cut.tif")
    content = (orders.folder / "cut.tif").read_bytes()
    (orders.folder / "cut.tif").write_bytes(content[: len(content) // 3])
    return file


def folder(orders: Orders) -> SourceFile:
    (orders.folder / "folder.tif").mkdir()
    return orders.named("folder.tif")


def outward_link(orders: Orders) -> SourceFile:
    (orders.folder / "link.tif").symlink_to("/etc/passwd")
    return orders.named("link.tif")


def wrong_extension(orders: Orders) -> SourceFile:
    (orders.folder / "text.czi").write_text("no image")
    return orders.named("text.czi")


@pytest.mark.parametrize(
    ("make", "category"),
    [
        (missing, FailureCategory.FILE_NOT_FOUND),
        (empty, FailureCategory.FILE_EMPTY),
        (truncated, FailureCategory.BROKEN_FILE),
        (folder, FailureCategory.NOT_A_FILE),
        (outward_link, FailureCategory.PATH_OUTSIDE_FOLDER),
        (wrong_extension, FailureCategory.UNKNOWN_FORMAT),
    ],
)
async def test_a_bad_file_is_refused_by_name(
    orders: Orders, make: Callable[[Orders], SourceFile], category: FailureCategory
) -> None:
    order = orders.order(make(orders))
    report = await orders.run(order)
    assert categories(report) == {category}
    assert await orders.images(order) == []
    assert await orders.empty_filesets() == []
    assert list(orders.gateway.getObjects("Dataset", attributes={"name": orders.dataset})) == []


async def test_a_link_swapped_after_the_check_is_caught(
    orders: Orders, blocks: tuple[OmeroServer, ImageStorage]
) -> None:
    order = orders.order(orders.write_tiff("a.tif"))
    server, storage = blocks
    with server.as_user("alice", "lab-a") as session:
        (permit,) = await asyncio.to_thread(check_order, order, session, storage)
        assert isinstance(permit, tuple)
        (orders.folder / "a.tif").unlink()
        (orders.folder / "a.tif").symlink_to("/etc/passwd")
        run = OrderRun(order, server, session, storage, None)
        with pytest.raises(FailureError) as caught:
            await asyncio.to_thread(
                import_once, run, ImportSource(path=order.files[0].path, files=permit), logging.getLogger("test")
            )
    assert caught.value.failure.category is FailureCategory.FILE_CHANGED
    assert await orders.empty_filesets() == []


async def test_one_login_for_a_whole_order(orders: Orders, blocks: tuple[OmeroServer, ImageStorage]) -> None:
    server, _ = blocks
    with server.as_user("alice", "lab-a") as session:
        await asyncio.gather(*(asyncio.to_thread(lambda: session.gateway.getUserId()) for _ in range(16)))
        assert session.logins == 1
