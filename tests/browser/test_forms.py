"""A form in a browser: designed with its preview beside it, offered, filled in, and its history read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI
from omero.rtypes import rstring
from playwright.sync_api import BrowserContext, expect

from sandbox.site import Site
from tests.browser.web_client import WebClient

SCHEMA = {
    "type": "object",
    "title": "Staining",
    "required": ["stain"],
    "properties": {
        "hours": {"type": "number", "title": "Incubated for", "x-unit": "h"},
        "stain": {"type": "string", "title": "Stain", "enum": ["DAPI", "Hoechst"]},
    },
}


@pytest.fixture
def dataset(site: Site) -> Iterator[int]:
    """A dataset of alice's in lab-a."""
    host = f"tcp://127.0.0.1:{site.addresses.ports['omero_tcp']}"
    gateway = BlitzGateway("alice", site.password("alice"), host=host, group="lab-a")
    assert gateway.connect()
    made = DatasetI()
    made.setName(rstring("Stained"))
    yield gateway.getUpdateService().saveAndReturnObject(made).id.val
    gateway.close()


def test_a_form_from_its_design_to_its_history(context: BrowserContext, site: Site, dataset: int) -> None:
    name = f"Staining {uuid.uuid4().hex[:6]}"
    schema = SCHEMA | {"title": name}
    admin = WebClient(context, site.web_url)
    page = admin.page
    page.goto(f"{admin.url}/webclient/login/")
    page.locator("input[name=username]").fill("root")
    page.locator("input[name=password]").fill(site.password("root"))
    page.locator("input[type=submit]").click()
    page.wait_for_url("**/webclient/**")
    page.goto(f"{admin.url}/flows/forms/design/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Fields").fill(json.dumps(schema))
    preview = page.locator("#preview")
    expect(preview.get_by_label("Stain")).to_be_visible()
    expect(page.locator("#problems")).to_contain_text("The form is in order.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Version 1")).to_be_visible()
    page.goto(f"{admin.url}/flows/forms/")
    with page.expect_response("**/flows/forms/assign/"):
        page.get_by_label(f"{name} in lab-a for Dataset").check()
    page.reload()
    expect(page.get_by_label(f"{name} in lab-a for Dataset")).to_be_checked()
    assert not admin.faults

    context.clear_cookies()
    alice = WebClient(context, site.web_url)
    alice.log_in("alice", site.password("alice"))
    page = alice.page
    page.goto(f"{alice.url}/flows/forms/Dataset/{dataset}/")
    page.get_by_role("link", name=name).click()
    # What must be filled in comes first, and nothing is chosen before somebody chooses.
    expect(page.locator(".is-drawn .form-control > label").first).to_contain_text("Stain")
    page.get_by_label("Incubated for").fill("2.5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field-problem")).to_have_text("It is missing. Fill it in.")
    page.get_by_label("Stain").select_option("DAPI")
    page.get_by_label("Incubated for").press("Tab")
    page.reload()
    expect(page.get_by_text("What you had begun to fill in is here again")).to_be_visible()
    expect(page.get_by_label("Incubated for")).to_have_value("2.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    expect(page.locator(".timeline li").first).to_contain_text("Alice Arber")
    expect(page.locator(".timeline .changes").first).to_contain_text("Stain: DAPI")
    page.get_by_label("Incubated for").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".timeline .changes").first).to_contain_text("Incubated for: 2.5 3")
    assert not alice.faults
    alice.show("dataset", dataset)
    assert alice.key_values(f"hms.harvard.edu/omero/forms/kvdata/{name}") == {"stain": "DAPI", "hours": "3"}
