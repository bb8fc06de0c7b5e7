"""Import orders that go well: real files become images, annotated, exactly once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from contracts import namespaces
from contracts.failures import FailureCategory
from contracts.import_report import FileState
from tests.sandbox.import_order.conftest import BUILTIN, Orders

REAL_FILES = Path(__file__).parents[4] / "shared" / "data"


def pairs_of(orders: Orders, object_id: int, namespace: str, kind: str = "Image") -> list[tuple[str, str]]:
    found = list(orders.gateway.getObject(kind, object_id).listAnnotations(namespace))
    assert len(found) == 1
    return [(key, value) for key, value in found[0].getValue()]


def links_of(orders: Orders, fileset: int) -> list[Path]:
    root = orders.site.home.root / "omero" / "ManagedRepository"
    files = orders.gateway.getObject("Fileset", fileset).listFiles()
    return [root / file.getPath() / file.getName() for file in files]


async def test_files_become_images_in_a_new_dataset(orders: Orders) -> None:
    order = orders.order(
        orders.write_tiff("a b.tif"), orders.write_tiff("naïve µm.tif", 1), key_values=(("Stain", "DAPI"),)
    )
    (orders.folder / "metadata.csv").write_text("Dose,5 µM\n", "utf-8")
    report = await orders.run(order)
    assert [outcome.state for outcome in report.files] == [FileState.IMPORTED] * 2
    assert len(await orders.images(order)) == 2
    image = report.files[1].objects[0].id
    written = dict(pairs_of(orders, image, namespaces.IMPORT))
    assert written["UUID"] == str(order.uuid)
    assert written["Files"] == order.files[1].path
    assert written["csv_Dose"] == "5 µM"
    assert dict(pairs_of(orders, image, namespaces.PROVENANCE))["Stain"] == "DAPI"
    parent = orders.gateway.getObject("Image", image).getParent()
    assert parent.getName() == orders.dataset
    assert parent.getOwnerOmeName() == "alice"
    (link,) = links_of(orders, report.files[1].filesets[0])
    assert os.readlink(link) == str(orders.folder / "naïve µm.tif")
    assert orders.leftovers() == []


async def test_a_converted_file_is_linked_where_it_stays(orders: Orders) -> None:
    order = orders.order(orders.write_tiff("a.tif"), preprocessing=BUILTIN, hash_sources=True)
    report = await orders.run(order)
    assert report.failed == ()
    (link,) = links_of(orders, report.files[0].filesets[0])
    target = os.readlink(link)
    assert target == str(orders.folder / ".processed" / str(order.uuid) / "a.tif" / "a.ome.tiff")
    assert os.path.isfile(target)  # noqa: PTH113, ASYNC240
    written = dict(pairs_of(orders, report.files[0].objects[0].id, namespaces.PROVENANCE))
    assert len(written["Original_SHA256"]) == 64
    assert written["Converter"] == "builtin"
    assert written["Source format"] == "TIFF"
    assert orders.leftovers() == []


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the real microscope files are not here")
@pytest.mark.parametrize(("name", "series"), [("leica_wavelength_sweep.lif", 3), ("zeiss_tiles.czi", 1)])
async def test_a_real_file_becomes_one_image_a_series(orders: Orders, name: str, series: int) -> None:
    (orders.folder / name).write_bytes((REAL_FILES / name).read_bytes())
    order = orders.order(orders.named(name))
    report = await orders.run(order)
    assert report.failed == ()
    assert len(report.files[0].objects) == series
    assert len(await orders.images(order)) == series


async def test_the_same_order_twice_at_once_imports_once(orders: Orders) -> None:
    order = orders.order(*(orders.write_tiff(f"{seed}.tif", seed) for seed in range(4)))
    await asyncio.gather(orders.run(order), orders.run(order))
    images = await orders.images(order)
    assert len(images) == len(set(images)) == 4
    assert await orders.empty_filesets() == []
    datasets = list(orders.gateway.getObjects("Dataset", attributes={"name": orders.dataset}))
    assert len(datasets) == 1


async def test_two_orders_share_a_new_dataset(orders: Orders) -> None:
    one, two = (orders.order(orders.write_tiff(f"{seed}.tif", seed)) for seed in range(2))
    await asyncio.gather(orders.run(one), orders.run(two))
    assert len(list(orders.gateway.getObjects("Dataset", attributes={"name": orders.dataset}))) == 1


async def test_one_bad_file_keeps_the_good_ones_and_a_retry_does_only_the_rest(orders: Orders) -> None:
    good, bad = orders.write_tiff("good.tif"), orders.named("bad.tif")
    (orders.folder / "bad.tif").write_bytes(b"no image at all")
    order = orders.order(good, bad)
    report = await orders.run(order)
    assert [outcome.state for outcome in report.files] == [FileState.IMPORTED, FileState.FAILED]
    failure = report.files[1].failure
    assert failure is not None
    assert failure.category in {FailureCategory.UNKNOWN_FORMAT, FailureCategory.BROKEN_FILE}
    first = await orders.images(order)
    orders.write_tiff("bad.tif", 7)
    again = await orders.run(order)
    assert again.failed == ()
    assert again.files[0].objects == report.files[0].objects
    after = await orders.images(order)
    assert len(after) == 2
    assert set(first) < set(after)
