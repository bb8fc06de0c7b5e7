"""The Analyse page over HTTP, without a browser: every rule is the server's, whatever a page shows."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile

from omero_ui.analyses.choice import Choice
from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.panel.orders import Orders
from tests.sandbox.panel.web_visitor import WebVisitor

PAGE = "/flows/analyse/"
DIALOG = PAGE + "workflows/nuclei/"
CHOICE = PAGE + "choice/"
EVIL = "evil"
#: A workflow whose author means ill: every text of its descriptor is a script.
SCRIPT = "<script>alert(1)</script>"
EVIL_DESCRIPTOR = {
    "name": SCRIPT,
    "description": f"{SCRIPT} Does harm.",
    "schema-version": "cytomine-0.1",
    "container-image": {"image": "omero-flows/nuclei:1", "type": "singularity"},
    "command-line": "evil",
    "inputs": [
        {
            "id": "word",
            "value-key": "@ID",
            "command-line-flag": "--@id",
            "name": f"{SCRIPT}</script>{SCRIPT}",
            "description": SCRIPT,
            "type": "String",
            "default-value": SCRIPT,
            "optional": True,
        }
    ],
}


@pytest.fixture(scope="module")
def images(site: Site, orders: Orders) -> tuple[int, tuple[int, ...]]:
    """alice's dataset in lab-a, and its two images; one has a name that means ill."""
    mark = uuid.uuid4().hex[:8]
    folder = site.storage / "lab-a" / f"analyse-page-{mark}"
    folder.mkdir(parents=True)
    files = [folder / "a.tif", folder / "b <img src=x onerror=alert(1)>.tif"]
    for number, file in enumerate(files):
        tifffile.imwrite(file, np.random.default_rng(number).integers(0, 255, (48, 64), dtype=np.uint8))
    return orders.import_files("alice", "lab-a", f"Analyse {mark}", files)


@pytest.fixture(scope="module")
def private(site: Site, orders: Orders) -> int:
    """An image of alice's in lab-b, where nobody else sees anything."""
    folder = site.storage / "lab-b" / f"analyse-page-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "secret.tif", np.zeros((16, 16), dtype=np.uint8))
    _, (image,) = orders.import_files("alice", "lab-b", f"Private {folder.name}", [folder / "secret.tif"])
    return image


@pytest.fixture(scope="module")
def evil(site: Site) -> Iterator[None]:
    """The catalogue with the evil workflow in it, as an admin who was deceived would have it."""
    with httpx.Client(base_url=site.prefect_api, auth=tuple(site.prefect_auth.split(":", 1)), timeout=60) as client:  # type: ignore[arg-type]
        block = client.get("/block_types/slug/workflow-catalogue/block_documents/name/omero-flows").json()
        address, workflows = f"/block_documents/{block['id']}", block["data"]["workflows"]

        def save(changed: dict[str, Any]) -> None:
            client.patch(address, json={"data": {"workflows": changed}}).raise_for_status()

        save({**workflows, EVIL: {"descriptor": json.dumps(EVIL_DESCRIPTOR)}})
        yield
        save(workflows)


@pytest.fixture(scope="module", autouse=True)
def listing(evil: None, alice: WebVisitor) -> None:
    """The page has the catalogue read by itself, and shows it when it is."""
    if "no cluster" in alice.get(PAGE).text or alice.get(PAGE).status_code == 503:
        pytest.skip("the site has no cluster; `omero-flows sandbox status` says why")
    wait_for("the catalogue to be read", lambda: f"{DIALOG}" in (page := alice.get(PAGE).text) and f"/{EVIL}/" in page)


def choice(**fields: Any) -> str:
    return Choice.model_validate({"group": "lab-a", **fields}).model_dump_json()


def form(choice: str, **fields: str) -> dict[str, str]:
    """A dialog filled in as it comes, but for `fields`."""
    return {
        "token": str(uuid.uuid4()),
        "choice": choice,
        "values": json.dumps({"diameter": 20}),
        "place": "beside",
        "import_images": "1",
        "image_name": "{file}.{ext}",
        "tables": "omero-table",
        "attach_other_files": "1",
        **fields,
    }


def chosen_in(answer: httpx.Response) -> dict[str, Any]:
    found = re.search(r'id="choice" name="choice" value="([^"]*)"', answer.text)
    assert found, answer.text[:2000]
    return dict(json.loads(html.unescape(found[1])))


def runs_of(site: Site, user: str) -> int:
    with httpx.Client(base_url=site.prefect_api, auth=tuple(site.prefect_auth.split(":", 1)), timeout=60) as client:  # type: ignore[arg-type]
        body = {"flow_runs": {"tags": {"all_": ["kind:analysis", f"user:{user}"]}}}
        return int(client.post("/flow_runs/count", json=body).json())


def test_the_cards_say_what_there_is_and_a_descriptor_is_only_text(alice: WebVisitor) -> None:
    answer = alice.get(PAGE)
    assert "Segments nuclei in a nuclear stain" in answer.text
    assert SCRIPT not in answer.text
    assert html.escape(SCRIPT) in answer.text
    assert (
        "script-src" in answer.headers["Content-Security-Policy"]
        or "default-src 'self'" in answer.headers["Content-Security-Policy"]
    )
    found = alice.get(f"{PAGE}?search=touching+nuclei+nothing")
    assert "No workflow says" in found.text


def test_the_dialog_of_an_evil_workflow_has_no_script_of_its(
    alice: WebVisitor, images: tuple[int, tuple[int, ...]]
) -> None:
    dataset, _ = images
    answer = alice.get(f"{PAGE}workflows/{EVIL}/?dataset={dataset}")
    assert answer.status_code == 200
    assert SCRIPT not in answer.text
    assert "<img src=x" not in answer.text


def test_what_is_chosen_is_resolved_on_the_server(
    alice: WebVisitor, bob: WebVisitor, images: tuple[int, tuple[int, ...]], private: int
) -> None:
    dataset, (first, second) = images
    answer = alice.post(CHOICE, {"choice": choice(), "do": "add", "object": f"Dataset:{dataset}"})
    assert chosen_in(answer)["datasets"] == [dataset]
    answer = alice.post(CHOICE, {"choice": choice(datasets=[dataset]), "do": "tick", "image": str(second)})
    assert chosen_in(answer)["without"] == [second]
    assert "1 image</strong> of 2" in answer.text
    answer = alice.post(CHOICE, {"choice": choice(datasets=[dataset]), "do": "leave-shown", "filter": "onerror"})
    assert chosen_in(answer)["without"] == [second]
    # A colleague may look; nobody learns of a private group's image.
    assert f"image-{first}" in bob.post(CHOICE, {"choice": choice(images=[first])}).text
    answer = bob.post(CHOICE, {"choice": choice(images=[private])})
    assert f"Image {private}" in answer.text
    assert "secret.tif" not in answer.text
    assert bob.post(CHOICE, {"choice": choice(group="lab-b", images=[private])}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"values": '{"diameter": "wide"}'}, "Diameter</button>: It must be"),
        ({"values": '{"radius": 3}'}, "has no &#x27;radius&#x27;"),
        ({"values": "[" * 100_000}, "cannot be read"),
        ({"values": '{"diameter": 1e999}'}, "no finite number"),
        ({"minutes": "100000"}, "100000 minutes"),
        ({"cpus": "-1"}, "no whole number"),
        ({"batch_size": "0"}, "greater than or equal to 1"),
        ({"mail_to": "a@b.org --wrap=x"}, "mail_to"),
        ({"image_name": "{file!r}"}, "stands for nothing"),
        ({"rois": "circles"}, "rois"),
        ({"place": "dataset", "dataset": "1;drop"}, "no whole number"),
        ({"place": "new", "dataset_name": " "}, "has no name"),
        ({"place": "elsewhere"}, "This place is none"),
        ({"token": "x"}, "The form is not whole"),
    ],
)
def test_a_wrong_form_is_refused_in_words_and_nothing_is_placed(
    alice: WebVisitor, site: Site, images: tuple[int, tuple[int, ...]], fields: dict[str, str], said: str
) -> None:
    before = runs_of(site, "alice")
    for address in ("check/", "run/"):
        answer = alice.post(DIALOG + address, form(choice(datasets=[images[0]]), **fields))
        assert answer.status_code == 400, answer.text
        assert said in answer.text
    assert runs_of(site, "alice") == before


def test_foreign_images_and_places_are_refused(
    alice: WebVisitor, bob: WebVisitor, site: Site, images: tuple[int, tuple[int, ...]], private: int
) -> None:
    before = runs_of(site, "bob")
    dataset, (first, _) = images
    for wrong, status, said in (
        (choice(images=[private]), 400, "not for you to see"),
        (choice(images=[first, 987654321]), 400, "Image 987654321"),
        (choice(), 400, "No image is chosen"),
        (choice(group="lab-b", images=[private]), 403, "not in a group"),
        ('{"group": "lab-a", "images": ["1 or 1=1"]}', 400, "cannot be read"),
    ):
        answer = bob.post(DIALOG + "run/", form(wrong))
        assert answer.status_code == status, answer.text
        assert said in answer.text
    assert bob.post(PAGE + "workflows/nothing/run/", form(choice(images=[first]))).status_code == 404
    assert runs_of(site, "bob") == before


def test_logged_out_or_without_the_token_of_the_page_nothing_happens(
    alice: WebVisitor, stranger: WebVisitor, site: Site, images: tuple[int, tuple[int, ...]]
) -> None:
    before = runs_of(site, "alice")
    filled = form(choice(images=list(images[1])))
    for address in (DIALOG + "run/", DIALOG + "check/", CHOICE):
        assert alice.post(address, filled, csrf=False).status_code == 403
        assert stranger.post(address, filled).status_code in (302, 403)
    for address in (PAGE, DIALOG, DIALOG + "parameters/?group=lab-a", PAGE + "tree/?group=lab-a"):
        assert stranger.get(address).status_code == 302
    assert alice.get(PAGE + "tree/?group=lab-c").status_code == 403
    assert alice.get(PAGE + "tree/Experimenter/0/?group=lab-a").status_code == 404
    assert runs_of(site, "alice") == before


def test_a_run_is_said_in_words_and_placed_once(
    alice: WebVisitor, bob: WebVisitor, site: Site, images: tuple[int, tuple[int, ...]]
) -> None:
    dataset, (first, second) = images
    filled = form(choice(datasets=[dataset], without=[second]), batch_size="1", rois="polygons", minutes="5")
    before = runs_of(site, "alice")
    said = alice.post(DIALOG + "check/", filled)
    assert said.status_code == 200, said.text
    for words in ("1 image, of Dataset", "1 left out", "1 job", "at most 5 minutes", "polygons", "Diameter 20"):
        assert words in said.text
    assert runs_of(site, "alice") == before
    places = [alice.post(DIALOG + "run/", filled).headers["HX-Redirect"] for _ in range(2)]
    assert places[0] == places[1]
    assert runs_of(site, "alice") == before + 1
    # Changed, the same page is another run.
    other = alice.post(DIALOG + "run/", {**filled, "values": '{"diameter": 21}'}).headers["HX-Redirect"]
    assert other != places[0]

    token = places[0].rstrip("/").rpartition("/")[2]
    again = alice.get(f"{PAGE}again/{token}/")
    assert again.status_code == 302
    dialog = alice.get(again.headers["Location"])
    assert chosen_in(dialog)["images"] == [first]
    assert '{"diameter": 20}' in dialog.text
    # bob reads alice's runs, as lab-a is readable; of a token that is no run nobody learns anything.
    assert bob.get(f"{PAGE}again/{token}/").status_code == 302
    assert bob.get(f"{PAGE}again/{uuid.uuid4()}/").status_code == 404
    assert '{"diameter": 21}' in alice.get(DIALOG + "parameters/?group=lab-a&last=1").text


def test_a_run_in_a_private_group_is_not_there_for_others(alice: WebVisitor, bob: WebVisitor, private: int) -> None:
    filled = form(choice(group="lab-b", images=[private]), import_images="")
    placed = alice.post(DIALOG + "run/", filled)
    assert placed.status_code == 204, placed.text
    token = placed.headers["HX-Redirect"].rstrip("/").rpartition("/")[2]
    assert bob.get(f"{PAGE}again/{token}/").status_code == 404
    assert bob.get(f"{DIALOG}?again={token}").status_code == 404
