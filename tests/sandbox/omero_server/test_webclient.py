"""OMERO.web, unmodified, on the embedded OMERO: login, tree, search, plates, the panels of an image, deleting."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import omero
import omero.model
import pytest
import requests
from omero.gateway import BlitzGateway
from omero.rtypes import rint, rstring

from sandbox.site import Site


@pytest.fixture(scope="module")
def alice(site: Site) -> Iterator[BlitzGateway]:
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, group="lab-a")
    assert gateway.connect(), gateway.getLastError()
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def objects(alice: BlitzGateway) -> dict[str, int]:
    """A project with a dataset with an image that carries a tag and a pair, and a plate of two wells."""
    project = omero.model.ProjectI()
    project.name = rstring("web-project")
    dataset = omero.model.DatasetI()
    dataset.name = rstring("web-dataset")
    project.linkDataset(dataset)
    project = alice.getUpdateService().saveAndReturnObject(project)
    dataset = project.linkedDatasetList()[0]

    def create_image(name: str, **options: Any) -> Any:
        plane = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
        return alice.createImageFromNumpySeq(iter([plane]), name, **options)

    image = create_image("webimage", dataset=alice.getObject("Dataset", dataset.id.val)._obj)
    annotation = omero.model.MapAnnotationI()
    annotation.setMapValue([omero.model.NamedValue("webkey", "webvalue")])
    link = omero.model.ImageAnnotationLinkI()
    link.setParent(omero.model.ImageI(image.getId(), False))
    link.setChild(annotation)
    alice.getUpdateService().saveObject(link)
    plate = omero.model.PlateI()
    plate.name = rstring("web-plate")
    for column in range(2):
        well = omero.model.WellI()
        well.row, well.column = rint(0), rint(column)
        sample = omero.model.WellSampleI()
        sample.image = omero.model.ImageI(create_image(f"well-{column}").getId(), False)
        well.addWellSample(sample)
        plate.addWell(well)
    plate = alice.getUpdateService().saveAndReturnObject(plate)
    return {
        "project": project.id.val,
        "dataset": dataset.id.val,
        "image": image.getId(),
        "plate": plate.id.val,
        "group": alice.getEventContext().groupId,
        "user": alice.getUserId(),
    }


class Browser:
    """A logged-in session of the web client. Every page must be what it claims: the login page answers 200 as well."""

    def __init__(self, site: Site) -> None:
        self.root = site.web_url
        self.session = requests.Session()
        login = f"{self.root}/webclient/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.session.get(login).text)
        assert token is not None
        answer = self.session.post(
            login,
            headers={"Referer": login},
            data={
                "username": "alice",
                "password": site.password("alice"),
                "server": "1",
                "csrfmiddlewaretoken": token[1],
            },
        )
        assert "/login/" not in answer.url, "still at the login page"

    def page(self, path: str, **parameters: Any) -> str:
        answer = self.session.get(f"{self.root}/{path}", params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-500:]}"
        assert "/login/" not in answer.url, f"{path}: the login page"
        return answer.text

    def json(self, path: str, **parameters: Any) -> Any:
        answer = self.session.get(f"{self.root}/{path}", params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-500:]}"
        assert answer.headers["Content-Type"].startswith("application/json"), f"{path}: {answer.text[:200]}"
        return answer.json()

    def post(self, path: str, **data: Any) -> Any:
        token = self.session.cookies["csrftoken"]
        answer = self.session.post(
            f"{self.root}/{path}", data=data, headers={"X-CSRFToken": token, "Referer": self.root}
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[-500:]}"
        return answer


@pytest.fixture(scope="module")
def browser(site: Site, objects: dict[str, int]) -> Browser:
    return Browser(site)


def names(found: list[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in found}


def test_the_tree_shows_containers_and_images(browser: Browser, objects: dict[str, int]) -> None:
    where = {"group": objects["group"], "id": objects["user"]}
    containers = browser.json("webclient/api/containers/", **where)
    assert "web-project" in names(containers["projects"])
    assert "web-plate" in names(containers["plates"])
    assert names(browser.json("webclient/api/datasets/", id=objects["project"])["datasets"]) == {"web-dataset"}
    assert names(browser.json("webclient/api/images/", id=objects["dataset"])["images"]) == {"webimage"}
    assert {group["name"] for group in browser.json("webclient/api/groups/")["groups"]} >= {"lab-a", "lab-b"}


def test_a_plate_is_shown_as_a_grid(browser: Browser, objects: dict[str, int]) -> None:
    grid = browser.json(f"webgateway/plate/{objects['plate']}/0/")
    assert [well["name"] for well in grid["grid"][0] if well is not None] == ["well-0", "well-1"]
    assert (grid["rowlabels"][0], grid["collabels"][:2]) == ("A", [1, 2])


@pytest.mark.parametrize("query", ["webimage", "webi*", "webkey:webvalue"])
def test_the_search_page_finds(query: str, browser: Browser, objects: dict[str, int]) -> None:
    page = browser.page(
        "webclient/load_searching/form/",
        query=query,
        datatype="images",
        field=["name", "annotation"],
        searchGroup=objects["group"],
        ownedBy=objects["user"],
    )
    assert f'id="image-{objects["image"]}"' in page


def test_the_panels_of_an_image_open(browser: Browser, objects: dict[str, int]) -> None:
    image = objects["image"]
    assert "webimage" in browser.page(f"webclient/metadata_details/image/{image}/")
    annotations = browser.json("webclient/api/annotations/", type="map", image=image)["annotations"]
    assert [a["values"] for a in annotations] == [[["webkey", "webvalue"]]]
    browser.page(f"webclient/metadata_acquisition/image/{image}/")
    browser.page(f"webclient/metadata_preview/image/{image}/")
    assert browser.json(f"webgateway/imgData/{image}/")["size"] == {"width": 64, "height": 48, "z": 1, "t": 1, "c": 1}


@pytest.mark.parametrize("path", ["webclient/render_thumbnail/{image}/", "webgateway/render_image/{image}/0/0/"])
def test_pictures_are_drawn(path: str, browser: Browser, objects: dict[str, int]) -> None:
    answer = browser.session.get(f"{browser.root}/{path.format(**objects)}")
    assert answer.headers["Content-Type"] == "image/jpeg", answer.text[:300]


@pytest.mark.parametrize("kind", ["project", "dataset", "plate"])
def test_the_panels_of_containers_open(kind: str, browser: Browser, objects: dict[str, int]) -> None:
    assert f"web-{kind}" in browser.page(f"webclient/metadata_details/{kind}/{objects[kind]}/")


@pytest.mark.parametrize("path", ["webclient/", "webclient/history/", "webclient/userdata/", "webclient/search/",
                                  "webclient/script_ui/", "webadmin/myaccount/"])  # fmt: skip
def test_other_pages_open(path: str, browser: Browser) -> None:
    if path == "webclient/script_ui/":
        assert browser.json("webclient/list_scripts/") == []
        return
    browser.page(path)


def test_an_object_is_deleted_from_the_tree(browser: Browser, objects: dict[str, int], alice: BlitzGateway) -> None:
    started = browser.post("webclient/action/deletemany/", image=str(objects["image"])).json()
    assert started["bad"] == "false", started
    end = time.monotonic() + 60
    while (jobs := browser.json("webclient/activities_json/"))["inprogress"]:
        assert time.monotonic() < end, jobs
        time.sleep(0.2)
    assert jobs["failure"] == 0, jobs
    assert alice.getObject("Image", objects["image"]) is None
