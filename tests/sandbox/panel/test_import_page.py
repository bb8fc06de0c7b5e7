"""The Import page over HTTP, without a browser: every rule is the server's, whatever a page shows."""

from __future__ import annotations

import html
import json
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway

from sandbox.samples.plate import write_plate
from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

LIST, ORDER = "/flows/import/list/", "/flows/import/order/"


@pytest.fixture(scope="module")
def folder(site: Site) -> Path:
    """A folder of lab-a with two images, a plate, and names and links that mean ill."""
    folder = site.storage / "lab-a" / f"import-page-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    for number, name in enumerate(("a.tif", 'b & "c" <b>.tif')):
        tifffile.imwrite(folder / name, np.random.default_rng(number).integers(0, 255, (48, 64), dtype=np.uint8))
    (folder / "<img src=x onerror=alert(1)>.tif").write_bytes(b"x")
    write_plate(folder / "plate7", "plate7")
    (site.storage / "lab-b").mkdir(exist_ok=True)
    (site.storage / "lab-b" / "secret.tif").write_bytes(b"theirs")
    (folder / "away").symlink_to("../../lab-b")
    (folder / "away.tif").symlink_to("../../lab-b/secret.tif")
    return folder


@pytest.fixture(scope="module")
def omero(site: Site) -> Iterator[BlitzGateway]:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_host, port=site.omero_port, secure=True)
    assert gateway.connect()
    gateway.c.enableKeepAlive(30)
    yield gateway
    gateway.close()


def draft_in(answer: httpx.Response) -> str:
    """The list that a page carries."""
    found = re.search(r'id="draft" name="draft" value="([^"]*)"', answer.text)
    assert found, answer.text[:2000]
    return html.unescape(found[1])


def items_in(draft: str) -> list[tuple[str, str]]:
    return [(item["path"], item["conversion"]) for item in json.loads(draft)["items"]]


def item(path: str, series: str | None = None) -> str:
    return json.dumps([path, series, ""])


def made(visitor: WebVisitor, kind: str, name: str, group: str = "lab-a") -> int:
    answer = visitor.post("/flows/import/tree/new/", {"group": group, "kind": kind, "name": name})
    assert answer.status_code == 200, answer.text
    found = re.search(rf'is there\..*?"target": "{kind}:(\d+)"', answer.text, re.DOTALL)
    assert found, answer.text
    return int(found[1])


class List:
    """The list as a browser holds it: each change sends it, and keeps what comes back."""

    def __init__(self, visitor: WebVisitor, group: str = "lab-a") -> None:
        self.visitor = visitor
        self.draft = draft_in(visitor.get(f"/flows/import/?group={group}"))

    def change(self, do: str, **fields: str) -> httpx.Response:
        answer = self.visitor.post(LIST, {"draft": self.draft, "do": do, **fields})
        if answer.status_code == 200:
            self.draft = draft_in(answer)
        return answer

    def place(self) -> httpx.Response:
        return self.visitor.post(ORDER, {"draft": self.draft})


def test_a_list_becomes_one_order_however_often_it_is_placed(
    alice: WebVisitor, site: Site, folder: Path, omero: BlitzGateway
) -> None:
    """From the ticks to the images: one is converted, the other is not; a double click places nothing twice."""
    dataset = made(alice, "Dataset", f"Panel {uuid.uuid4()}")
    orders = List(alice)
    orders.change("direct", target=f"Dataset:{dataset}")
    for name in ("a.tif", 'b & "c" <b>.tif'):
        assert orders.change("add", item=item(f"{folder.name}/{name}")).status_code == 200
    orders.change("convert", item=item(f"{folder.name}/a.tif"), conversion="ome-tiff")
    assert items_in(orders.draft) == [
        (f"{folder.name}/a.tif", "ome-tiff"),
        (f'{folder.name}/b & "c" <b>.tif', ""),
    ]
    first, second = orders.place(), orders.place()
    places = [re.search(r'data-where="([^"]+)"', answer.text) for answer in (first, second)]
    assert places[0] is not None and places[1] is not None and places[0][1] == places[1][1]
    assert alice.get(places[0][1]).status_code == 200
    assert json.loads(draft_in(first))["placed"] is True
    deadline = time.monotonic() + 240
    while omero.getObject("Dataset", dataset).countChildren() < 2:
        assert time.monotonic() < deadline, alice.get(places[0][1]).text
        time.sleep(1)
    assert sorted(image.getName() for image in omero.getObject("Dataset", dataset).listChildren()) == [
        "a.tif",
        'b & "c" <b>.tif',
    ]


def test_a_plate_in_a_dataset_is_refused_and_the_fix_mends_it(alice: WebVisitor, folder: Path) -> None:
    dataset = made(alice, "Dataset", "Panel, for plates")
    orders = List(alice)
    orders.change("direct", target=f"Dataset:{dataset}")
    answer = orders.change("add", item=item(f"{folder.name}/plate7"))  # the folder: its plate comes, its TIFFs do not
    assert items_in(orders.draft) == [(f"{folder.name}/plate7/plate7.HTD", "")]
    assert "A plate goes into a Screen." in answer.text
    assert "New Screen “plate7”" in answer.text
    refused = orders.place()
    assert refused.status_code == 400 and "nothing was placed" in refused.text
    mended = orders.change(
        "send", item=item(f"{folder.name}/plate7/plate7.HTD"), target="Screen:new", new="Panel plates"
    )
    assert "A plate goes into a Screen." not in mended.text
    assert json.loads(orders.draft)["items"][0]["target"]["type"] == "Screen"


def test_a_plate_opens_into_its_images_and_a_broken_file_says_why(alice: WebVisitor, folder: Path) -> None:
    opened = alice.get(f"/flows/import/contents/?group=lab-a&path={folder.name}/plate7/plate7.HTD")
    assert opened.status_code == 200
    assert opened.text.count("data:image/png;base64,") == 12
    assert "A01, field 1" in opened.text
    broken = alice.get(f"/flows/import/contents/?group=lab-a&path={folder.name}/%3Cimg src=x onerror=alert(1)%3E.tif")
    assert broken.status_code == 409
    assert "<img src=x" not in broken.text


@pytest.mark.parametrize(
    "path",
    ["..", "../lab-b", "/etc", "{}/away", "{}/../../lab-b", "%2e%2e/lab-b", "%252e%252e", "{}/a.tif%00.png", "a%0ab"],
)
@pytest.mark.parametrize("address", ["/flows/import/?", "/flows/import/folder/?", "/flows/import/contents/?"])
def test_nothing_outside_the_groups_folder_is_shown(alice: WebVisitor, folder: Path, address: str, path: str) -> None:
    answer = alice.get(f"{address}group=lab-a&path={path.format(folder.name)}")
    assert answer.status_code in (400, 409), answer.text
    assert "secret.tif" not in answer.text and "root:" not in answer.text


@pytest.mark.parametrize(
    "path", ["../lab-b/secret.tif", "/etc/passwd", "{}/away.tif", "{}/away/secret.tif", "gone.tif"]
)
def test_nothing_outside_the_groups_folder_is_ordered(alice: WebVisitor, folder: Path, path: str) -> None:
    """Neither put into the list, nor smuggled into the list that the browser holds."""
    path = path.format(folder.name)
    dataset = made(alice, "Dataset", "Panel, smuggled")
    orders = List(alice)
    orders.change("direct", target=f"Dataset:{dataset}")
    assert orders.change("add", item=item(path)).status_code in (400, 409)
    smuggled = json.loads(orders.draft)
    smuggled["items"] = [{"path": path}]
    orders.draft = json.dumps(smuggled)
    assert orders.place().status_code in (400, 409)


def test_files_and_places_of_others_are_not_ordered(
    alice: WebVisitor, bob: WebVisitor, stranger: WebVisitor, folder: Path
) -> None:
    theirs = made(alice, "Dataset", "Panel, alice's own", "lab-b")
    orders = List(bob)
    assert orders.change("direct", target=f"Dataset:{theirs}").status_code == 409
    orders.change("add", item=item(f"{folder.name}/a.tif"))
    smuggled = json.loads(orders.draft)
    smuggled["target"] = {"type": "Dataset", "id": theirs, "name": "x"}
    assert bob.post(ORDER, {"draft": json.dumps(smuggled)}).status_code == 409
    smuggled["group"] = "lab-b"
    for address in (LIST, ORDER):
        assert bob.post(address, {"draft": json.dumps(smuggled), "do": "show"}).status_code == 403
        assert stranger.post(address, {"draft": orders.draft}).status_code in (302, 401, 403)
        assert bob.post(address, {"draft": orders.draft, "do": "show"}, csrf=False).status_code == 403
        assert bob.get(address).status_code == 405
    for address in ("", "folder/", "contents/", "tree/"):
        assert bob.get(f"/flows/import/{address}?group=lab-b&path=secret.tif").status_code == 403
        assert stranger.get(f"/flows/import/{address}?group=lab-a").status_code in (302, 401)
    assert bob.post("/flows/import/tree/new/", {"group": "lab-b", "kind": "Screen", "name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {"draft": "{}"},
        {"draft": "[" * 100_000},
        {"do": "format"},
        {"do": "add", "item": "a.tif"},
        {"do": "add", "item": '["a.tif", 7, ""]'},
        {"do": "convert", "item": '["a.tif", null, ""]', "conversion": "../../bin/sh"},
        {"do": "direct", "target": "Project:1"},
        {"do": "direct", "target": "Dataset:1 or 1=1"},
        {"do": "direct", "target": "Dataset:99999999999999999999"},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_what_no_page_of_ours_sends_is_refused_in_words(alice: WebVisitor, fields: dict[str, str]) -> None:
    orders = List(alice)
    answer = alice.post(LIST, {"draft": orders.draft, **fields})
    assert answer.status_code in (400, 409), answer.text
    assert "Traceback" not in answer.text


def test_names_from_the_disk_and_from_omero_are_text(alice: WebVisitor, folder: Path) -> None:
    name = f"<script>alert('{uuid.uuid4()}')</script>"
    project = alice.post("/flows/import/tree/new/", {"group": "lab-a", "kind": "Project", "name": name})
    tree = alice.get(f"/flows/import/tree/?group=lab-a&search={name}")
    page = alice.get(f"/flows/import/?group=lab-a&path={folder.name}&filter=%22%3E%3Cscript%3E")
    listing = alice.get(f"/flows/import/folder/?group=lab-a&path={folder.name}")
    for answer in (project, tree, page, listing):
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
        assert '"><script>' not in answer.text
    assert "&lt;img src=x onerror=alert(1)&gt;.tif" in listing.text


def test_a_search_finds_by_any_part_and_percent_is_a_letter(alice: WebVisitor) -> None:
    mark = uuid.uuid4().hex
    made(alice, "Dataset", f"50% {mark}")
    made(alice, "Screen", f"50x {mark}")
    both = alice.get(f"/flows/import/tree/?group=lab-a&search={mark.upper()}")
    assert f"50% {mark}" in both.text and f"50x {mark}" in both.text
    one = alice.get(f"/flows/import/tree/?group=lab-a&search=50%25 {mark}")
    assert f"50% {mark}" in one.text and f"50x {mark}" not in one.text


def test_twenty_thousand_files_are_paged_sorted_and_filtered(alice: WebVisitor, site: Site) -> None:
    big = site.storage / "lab-a" / f"many-{uuid.uuid4().hex[:8]}"
    big.mkdir()
    for number in range(20_000):
        os.close(os.open(big / f"image{number}.tif", os.O_CREAT | os.O_WRONLY))
    (big / "image7.tif").write_bytes(b"xxxx")
    page = alice.get(f"/flows/import/folder/?group=lab-a&path={big.name}")
    assert page.text.index("image2.tif") < page.text.index("image10.tif")
    assert "1 to 100 of 20000" in page.text
    last = alice.get(f"/flows/import/folder/?group=lab-a&path={big.name}&first=19900")
    assert "image19999.tif" in last.text and "Next ›" not in last.text
    largest = alice.get(f"/flows/import/folder/?group=lab-a&path={big.name}&order=size&backwards=1")
    assert re.findall(r"image\d+\.tif", largest.text)[0] == "image7.tif"
    some = alice.get(f"/flows/import/folder/?group=lab-a&path={big.name}&filter=IMAGE1999")
    assert "1 to 11 of 11 that fit, 20000 in all" in some.text


def test_prefect_away_is_said_and_the_list_is_kept(alice: WebVisitor, site: Site, folder: Path) -> None:
    """The page still lists and still takes changes; what cannot be placed stays in the browser's hands."""
    dataset = made(alice, "Dataset", "Panel, Prefect away")
    orders = List(alice)
    orders.change("direct", target=f"Dataset:{dataset}")
    site.hold("prefect")
    try:
        assert orders.change("add", item=item(f"{folder.name}/a.tif")).status_code == 200
        refused = orders.place()
        assert refused.status_code == 503
        assert "workflow engine does not answer" in refused.text
    finally:
        site.release("prefect", seconds=120)
    assert "data-where" in orders.place().text
