"""Orders with a converter: several outputs a file, what is written of them, and where OMERO's links lead."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from omero.rtypes import unwrap
from omero.sys import ParametersI

from contracts import namespaces
from contracts.failures import FailureCategory
from contracts.preprocessing import Preprocessing
from contracts.source_file import SourceFile
from tests.sandbox.import_order.conftest import BUILTIN, Orders
from tests.sandbox.import_order.converter_container import IMAGE, make_image
from tests.sandbox.import_order.test_orders import REAL_FILES, links_of, pairs_of


def client_paths(orders: Orders, fileset: int) -> list[str]:
    """The paths that the files of a fileset were imported from, as OMERO keeps them."""
    rows = orders.gateway.getQueryService().projection(
        "select e.clientPath from FilesetEntry e where e.fileset.id = :id order by e.id", ParametersI().addId(fileset)
    )
    return [row[0] for row in unwrap(rows)]


async def test_a_container_makes_two_images_of_one_file(orders: Orders) -> None:
    digest = await asyncio.to_thread(make_image, orders.site)
    protocol = "fixed in PFA, 4 % - µ" * 300
    file = orders.write_tiff("a [1]: b.tif")
    (orders.folder / "metadata.csv").write_text("Cell line,HeLa\nCell line,U2OS\n", "utf-8")
    order = orders.order(
        file,
        hash_sources=True,
        key_values=(("Protocol", protocol),),
        preprocessing=Preprocessing(
            converter=IMAGE, options={"behave": "network", "note": "max intensity", "flag": ""}
        ),
    )
    report = await orders.run(order)
    assert report.failed == ()
    (outcome,) = report.files
    assert {item.name for item in outcome.objects} == {"cells, 1st", "cells, 2nd"}
    assert len(await orders.images(order)) == 2
    images = {item.name: item.id for item in outcome.objects}

    first = pairs_of(orders, images["cells, 1st"], namespaces.PROVENANCE)
    second = pairs_of(orders, images["cells, 2nd"], namespaces.PROVENANCE)
    assert [pair for pair in first if pair[0] in {"Position", "Exposure"}] == [("Position", "A1"), ("Exposure", "20")]
    assert [pair for pair in second if pair[0] == "Position"] == [("Position", "B1"), ("Position", "B2")]
    assert dict(first)["Converter_Digest"] == digest
    assert dict(first)["Original_SHA256"] == hashlib.sha256((orders.folder / "a [1]: b.tif").read_bytes()).hexdigest()
    assert "".join(value for key, value in first if key.startswith("Protocol")) == protocol
    assert [key for key, _ in first if key.startswith("Protocol")] == [
        "Protocol",
        "Protocol [2]",
        "Protocol [3]",
        "Protocol [4]",
    ]

    processed = orders.folder / ".processed" / str(order.uuid) / "a [1]: b.tif"
    written = pairs_of(orders, images["cells, 1st"], namespaces.IMPORT)
    assert [pair for pair in written if pair[0] != "Import_Timestamp"] == [
        ("UUID", str(order.uuid)),
        ("Filepath", file.path),
        ("Group", "lab-a"),
        ("Username", "alice"),
        ("DestinationType", "Dataset"),
        ("DestinationID", str(orders.gateway.getObject("Image", images["cells, 1st"]).getParent().getId())),
        ("Files", file.path),
        ("FileNames", "a [1]: b.tif"),
        ("Imported_from", str(processed / "first.ome.tif")),
        ("preprocessing_container", IMAGE),
        ("preprocessing_inputfile", file.path),
        ("preprocessing_outputfolder", "/data"),
        ("preprocessing_altoutputfolder", "/out"),
        ("preprocessing_behave", "network"),
        ("preprocessing_note", "max intensity"),
        ("preprocessing_flag", ""),
        ("csv_Cell line", "HeLa"),
        ("csv_Cell line", "U2OS"),
    ]

    for fileset, name in zip(outcome.filesets, ("first", "second"), strict=True):
        (path,) = client_paths(orders, fileset)
        assert "/.processed/.alternative/" in path
        (link,) = links_of(orders, fileset)
        assert os.readlink(link) == str(processed / f"{name}.ome.tif")
    assert orders.leftovers() == []


async def test_a_container_that_fails_is_reported_with_its_last_words(orders: Orders) -> None:
    await asyncio.to_thread(make_image, orders.site)
    order = orders.order(
        orders.write_tiff("a.tif"), preprocessing=Preprocessing(converter=IMAGE, options={"behave": "write"})
    )
    report = await orders.run(order)
    failure = report.files[0].failure
    assert failure is not None
    assert failure.category is FailureCategory.CONVERTER_FAILED
    assert "Read-only file system" in failure.detail
    assert await orders.images(order) == []
    assert orders.leftovers() == []
    assert not (orders.folder / ".processed" / str(order.uuid)).exists()


@pytest.mark.skipif(not REAL_FILES.is_dir(), reason="the real microscope files are not here")
async def test_single_series_of_a_real_file(orders: Orders) -> None:
    name = "leica_wavelength_sweep.lif"
    (orders.folder / name).write_bytes((REAL_FILES / name).read_bytes())
    path = f"{orders.folder.name}/{name}"
    order = orders.order(SourceFile(path=path, series="0"), SourceFile(path=path, series="2"), preprocessing=BUILTIN)
    report = await orders.run(order)
    assert report.failed == ()
    names = [item.name for outcome in report.files for item in outcome.objects]
    assert len(set(names)) == len(names) == 2
    assert len(await orders.images(order)) == 2
    targets = {
        Path(os.readlink(link)).parent.name
        for outcome in report.files
        for fileset in outcome.filesets
        for link in links_of(orders, fileset)
    }
    assert targets == {f"{name}@0", f"{name}@2"}
    again = await orders.run(order)
    assert [outcome.objects for outcome in again.files] == [outcome.objects for outcome in report.files]
    assert orders.leftovers() == []


async def test_a_series_that_is_not_there(orders: Orders) -> None:
    file = orders.write_tiff("a.tif")
    order = orders.order(SourceFile(path=file.path, series="7"), preprocessing=BUILTIN)
    report = await orders.run(order)
    failure = report.files[0].failure
    assert failure is not None
    assert failure.category is FailureCategory.CONVERTER_FAILED
    assert "7" in failure.detail


async def test_one_file_is_converted_and_the_other_is_not(orders: Orders) -> None:
    """Each file of an order has its own way; what is written of it says which."""
    plain = orders.write_tiff("plain.tif", seed=1)
    converted = orders.write_tiff("converted.tif", seed=2).model_copy(update={"preprocessing": BUILTIN})
    order = orders.order(plain, converted)
    report = await orders.run(order)
    assert report.failed == ()
    keys = {}
    for outcome in report.files:
        (image,) = outcome.objects
        keys[outcome.path] = dict(pairs_of(orders, image.id, namespaces.IMPORT))
    assert keys[converted.path]["preprocessing_container"] == "builtin"
    assert "preprocessing_container" not in keys[plain.path]
    assert Path(keys[plain.path]["Imported_from"]) == orders.folder / "plain.tif"
    assert Path(keys[converted.path]["Imported_from"]).is_relative_to(orders.folder / ".processed")
