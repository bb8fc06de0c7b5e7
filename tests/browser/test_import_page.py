"""The Import page as a microscopist uses it: choose, convert, mend, place, upload; nothing typed is lost."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway
from playwright.sync_api import Page, expect

from sandbox.samples.plate import write_plate
from sandbox.site import Site
from tests.browser.accessibility import serious_issues
from tests.browser.web_client import WebClient

#: An order's run may wait for the worker on a busy machine, in milliseconds.
DONE = 240_000


@pytest.fixture
def folder(site: Site) -> Path:
    """A folder of lab-a's with two images and a plate."""
    folder = site.storage / "lab-a" / f"page {uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    for number, name in enumerate(("cells µ.tif", "control.tif")):
        tifffile.imwrite(folder / name, np.random.default_rng(number).integers(0, 255, (96, 128), dtype=np.uint8))
    write_plate(folder / plate_of(folder), plate_of(folder))
    return folder


def plate_of(folder: Path) -> str:
    """A name of its own: on a site that stays up, other runs' plates are on the page too."""
    return f"plate{folder.name.split()[1]}"


@pytest.fixture
def omero(site: Site) -> Iterator[BlitzGateway]:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    yield gateway
    gateway.close()


def open_page(client: WebClient, folder: Path) -> Page:
    page = client.page
    page.goto(f"{client.url}/flows/import/?group=lab-a")
    clear = page.get_by_role("button", name="Clear")
    if clear.is_visible():
        clear.click()
    page.get_by_role("link", name=folder.name).click()
    expect(page.get_by_role("checkbox", name="cells µ.tif")).to_be_visible()
    return page


def make(page: Page, kind: str, name: str) -> None:
    """A dataset or screen by the page's own form, which is then where the list goes."""
    new = page.locator(".new")
    if not new.get_by_label("Name").is_visible():
        new.locator("summary").click()
    new.get_by_label("What").select_option(kind)
    new.get_by_label("Name").fill(name)
    new.get_by_role("button", name="Make").click()
    page.get_by_role("button", name="import into it").click()
    expect(page.locator(".destination")).to_contain_text(name)


def children(omero: BlitzGateway, kind: str, name: str) -> list[str]:
    (found,) = omero.getObjects(kind, attributes={"name": name})
    return sorted(child.getName() for child in found.listChildren())


def test_a_list_survives_a_reload_and_becomes_images_and_a_plate(
    alice: WebClient, folder: Path, omero: BlitzGateway
) -> None:
    """One file converted, one as it is, a plate mended into a new screen, a form: two orders, and all of it arrives."""
    page = open_page(alice, folder)
    dataset, screen = f"Dataset {folder.name}", plate_of(folder)
    make(page, "Dataset", dataset)
    for name in ("cells µ.tif", "control.tif", screen):
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.get_by_role("button", name="Add what is ticked to the list").click()
    expect(page.locator(".item")).to_have_count(3)
    expect(page.get_by_role("button", name="Place order")).to_be_disabled()
    assert serious_issues(page) == []
    page.get_by_label("Conversion of cells µ.tif").select_option(label="→ OME-TIFF")
    expect(page.get_by_label("Conversion of cells µ.tif")).to_have_value("ome-tiff")
    _fill_in(page)
    page.reload()
    expect(page.locator(".item")).to_have_count(3)
    expect(page.get_by_label("Target gene")).to_have_value("PLK1")
    expect(page.locator("#nodes [aria-current]")).to_contain_text(dataset)
    page.get_by_role("button", name=f"New Screen “{screen}”").click()
    expect(page.locator(".item-trouble")).to_have_count(0)
    page.get_by_role("button", name="Place order").click()
    expect(page.locator(".field-problem")).to_have_text("It is missing. Fill it in.")
    page.get_by_label("Kind of sample").select_option("knock-down")
    page.get_by_role("button", name="Place order").dblclick()
    page.wait_for_url("**/flows/runs/")
    for what in (dataset, screen):
        row = page.get_by_role("row").filter(has_text=what if what == screen else "cells µ.tif")
        expect(row).to_have_count(1)
    page.goto(f"{alice.url}/flows/import/?group=lab-a")
    expect(page.locator(".placed")).to_be_visible()
    _wait_for(lambda: children(omero, "Dataset", dataset) == ["cells µ.tif", "control.tif"], page)
    _wait_for(lambda: screen in children(omero, "Screen", screen), page)
    _wait_for(lambda: ("target_gene", "PLK1") in key_values(omero, dataset), page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing chosen yet")).to_be_visible()


def test_files_open_into_their_images_with_pictures(alice: WebClient, folder: Path) -> None:
    page = open_page(alice, folder)
    page.get_by_role("link", name=plate_of(folder)).click()
    page.locator("summary", has_text=f"{plate_of(folder)}.HTD").click()
    pictures = page.locator(".image img")
    expect(pictures).to_have_count(12, timeout=60_000)
    assert pictures.first.evaluate("picture => picture.naturalWidth") > 50
    expect(page.get_by_text("2 × 3, 6 wells with images")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("checkbox", name="control.tif")).to_be_visible()
    page.get_by_label("Filter by name").fill("CONTROL")
    expect(page.get_by_role("checkbox", name="cells µ.tif")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="control.tif")).to_be_visible()


def test_an_upload_arrives_whole_and_is_in_the_list(alice: WebClient, folder: Path, tmp_path: Path) -> None:
    local = tmp_path / "from my disk.tif"
    local.write_bytes(b"II*\x00" + os.urandom(20_000_000))  # more than one request takes
    page = open_page(alice, folder)
    page.get_by_role("button", name="Upload files…").click()
    page.locator("#upload input[type=file]").first.set_input_files(local)
    page.get_by_role("button", name=re.compile("Upload 1 file")).click()
    expect(page.locator("#upload").get_by_text("Complete", exact=True)).to_be_visible(timeout=120_000)
    page.locator("#upload-close").click()
    expect(page.locator(".item")).to_contain_text("from my disk.tif")
    expect(page.get_by_role("checkbox", name="from my disk.tif")).to_be_visible()
    sent = hashlib.sha256((folder / "from my disk.tif").read_bytes()).hexdigest()
    assert sent == hashlib.sha256(local.read_bytes()).hexdigest()


def key_values(omero: BlitzGateway, dataset: str) -> list[tuple[str, str]]:
    (found,) = omero.getObjects("Dataset", attributes={"name": dataset})
    return [tuple(pair) for annotation in found.listAnnotations() for pair in annotation.getValue()]


def _fill_in(page: Page) -> None:
    """The dataset's form, all but the kind of sample."""
    page.get_by_role("checkbox", name="siRNA sample").check()
    page.get_by_label("Cell line").fill("HeLa")
    page.get_by_label("Target gene").fill("PLK1")
    page.get_by_label("Target gene").press("Tab")
    expect(page.locator(".order-fields input[name=values]")).to_have_value(re.compile("PLK1"))


def _wait_for(reached: Callable[[], bool], page: Page) -> None:
    """Ask again every second; the page lives on meanwhile."""
    for _ in range(DONE // 1000):
        if reached():
            return
        page.wait_for_timeout(1000)
    raise AssertionError("it did not come in time")
