"""The ways from OMERO.web's own pages into the panel: "Open with" on a selection, and the tab "Flows"."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.accessibility import serious_issues
from tests.browser.conftest import Imports
from tests.browser.web_client import WebClient


def test_a_selection_of_images_is_opened_with_analyse(alice: WebClient, imports: Imports) -> None:
    page = alice.page
    page.goto(f"{alice.url}/webclient/?show=image-{imports.stack}|image-{imports.pyramid}")
    chosen = page.locator("#dataTree .jstree-clicked")
    expect(chosen).to_have_count(2)
    chosen.first.click(button="right")
    page.locator(".vakata-context a", has_text="Open With").hover()
    with page.context.expect_page() as opened:
        page.locator(".vakata-context a", has_text=re.compile(r"^\s*Analyse")).click()
    analyse = opened.value
    expect(analyse.get_by_role("heading", level=1)).to_contain_text("Analyse")
    for image in (imports.stack, imports.pyramid):
        assert f"image={image}" in analyse.url
    analyse.close()


def test_the_tab_flows_leads_on_with_the_object(alice: WebClient, imports: Imports) -> None:
    page = alice.page
    alice.show("image", imports.stack)
    page.locator("#annotation_tabs a", has_text="Flows").click()
    flows = page.locator("#flows_tab")
    expect(flows.get_by_role("link", name="Import here…")).to_have_count(0)
    flows.get_by_role("link", name="Analyse…").click()
    page.wait_for_url(re.compile(rf"/flows/analyse/\?image={imports.stack}$"))
    assert serious_issues(page) == []

    # A list that was begun keeps what is in it, and goes where the webclient says.
    dataset = page.request.get(f"{alice.url}/webclient/api/paths_to_object/?image={imports.stack}").json()
    ids = {part["type"]: part["id"] for part in dataset["paths"][0]}
    page.goto(f"{alice.url}/flows/import/?group=lab-b")
    alice.show("dataset", ids["dataset"])
    page.locator("#annotation_tabs a", has_text="Flows").click()
    flows.get_by_role("link", name="Import here…").click()
    expect(page.locator(".destination")).to_contain_text(imports.dataset)
    expect(page).to_have_url(re.compile(r"/flows/import/\?group=lab-a$"))
    expect(page.locator("#group")).to_have_value("lab-a")
