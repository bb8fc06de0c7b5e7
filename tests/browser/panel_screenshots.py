"""The pictures of the panel: every page, of the demo's site, as alice and as the admin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect

from sandbox.site import Site
from tests.browser.conftest import PATIENCE
from tests.browser.web_client import WebClient

#: Takes one picture of a page as it stands, under a name.
Save = Callable[[Page, str], None]

IN_PLACE = "Demo: in place"
SCHEMA = {
    "type": "object",
    "title": "Staining",
    "required": ["stain"],
    "properties": {
        "stain": {"type": "string", "title": "Stain", "enum": ["DAPI", "Hoechst 33342"]},
        "concentration": {"type": "number", "title": "Concentration", "x-unit": "µg/ml"},
        "antibodies": {"type": "string", "title": "Antibodies", "x-multiline": True},
    },
}


def take_panel(browser: Browser, site: Site, window: ViewportSize, save: Save) -> None:
    with logged_in(browser, site, window, "alice") as alice:
        take_import(alice, save)
        take_analyse(alice, save)
        take_runs(alice, save)
        take_forms(alice, save)
        take_webclient(alice, save)
    with logged_in(browser, site, window, "root") as admin:
        take_design(admin, save)
        take_admin(admin, save)


@contextmanager
def logged_in(browser: Browser, site: Site, window: ViewportSize, user: str) -> Iterator[WebClient]:
    context = browser.new_context(viewport=window)
    context.set_default_timeout(PATIENCE)
    client = WebClient(context, site.web_url)
    page = client.page
    page.goto(f"{site.web_url}/webclient/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", site.password(user))
    page.locator("input[type=submit]").click()
    page.wait_for_url("**/webclient/**")
    yield client
    context.close()


def take_import(alice: WebClient, save: Save) -> None:
    """A list of a file, a converted one and a plate that is not yet in its place, with a form."""
    page = alice.page
    page.goto(f"{alice.url}/flows/import/?group=lab-a&path=demo")
    page.locator("#nodes").get_by_role("button", name=IN_PLACE).click()
    expect(page.locator(".destination")).to_contain_text(IN_PLACE)
    for box in page.locator("#entries td.tick input").all():
        box.check()
    page.get_by_role("button", name="Add what is ticked to the list").click()
    expect(page.locator(".item").first).to_be_visible()
    page.locator(".file summary").first.click()
    expect(page.locator(".image img").first).to_be_visible()
    save(page, "panel-import")
    page.get_by_role("checkbox", name="siRNA sample").check()
    page.get_by_label("Cell line").fill("HeLa")
    page.get_by_label("Target gene").fill("PLK1")
    save(page, "panel-import-form")


def take_analyse(alice: WebClient, save: Save) -> None:
    page = alice.page
    page.goto(f"{alice.url}/flows/analyse/")
    card = page.get_by_role("link", name="Nuclei", exact=True)
    expect(card).to_be_visible(timeout=4 * PATIENCE)
    save(page, "panel-analyse")
    card.click()
    page.wait_for_load_state()
    page.goto(f"{page.url}?dataset={dataset_of(alice)}")
    expect(page.locator("#chosen .image").first).to_be_visible()
    save(page, "panel-analyse-input")
    for name in ("parameters", "output", "check"):
        page.get_by_role("button", name="Next").click()
        expect(page.locator(f"[data-step={name}]")).to_be_visible()
        if name == "check":
            expect(page.locator("#check")).to_contain_text("images")
        save(page, f"panel-analyse-{name}")


def dataset_of(alice: WebClient) -> int:
    found: list[dict[str, Any]] = alice.page.request.get(f"{alice.url}/webclient/api/datasets/?orphaned=true").json()[
        "datasets"
    ]
    return int(next(one["id"] for one in found if one["name"] == IN_PLACE))


def take_runs(alice: WebClient, save: Save) -> None:
    page = alice.page
    page.goto(f"{alice.url}/flows/runs/")
    expect(page.locator("#rows tr").first).to_be_visible()
    save(page, "panel-runs")
    for kind in ("import", "analysis"):
        page.goto(f"{alice.url}/flows/runs/?kind={kind}&state=done&mine=yes")
        page.locator("#rows a").first.click()
        expect(page.get_by_role("heading", name="What was ordered")).to_be_visible()
        save(page, f"panel-run-{kind}")
    page.goto(f"{alice.url}/flows/runs/charts/?days=7")
    for heading in ("Storage in and out", "By user"):  # they come after the page
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text("Adding up")).to_have_count(0)
    save(page, "panel-charts")


def take_forms(alice: WebClient, save: Save) -> None:
    page = alice.page
    page.goto(f"{alice.url}/flows/forms/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    save(page, "panel-forms")
    page.goto(f"{alice.url}/flows/forms/Dataset/{dataset_of(alice)}/fill-in/?form=siRNA+sample")
    page.get_by_label("Cell line").fill("HeLa")
    page.get_by_label("Target gene").fill("PLK1")
    page.get_by_label("Kind of sample").select_option("knock-down")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".timeline li").first).to_be_visible()
    save(page, "panel-form")


def take_webclient(alice: WebClient, save: Save) -> None:
    alice.show("dataset", dataset_of(alice))
    alice.page.locator("#annotation_tabs a", has_text="Flows").click()
    expect(alice.page.locator("#flows_tab").get_by_role("link", name="Import here…")).to_be_visible()
    save(alice.page, "panel-webclient")


def take_design(admin: WebClient, save: Save) -> None:
    page = admin.page
    page.goto(f"{admin.url}/flows/forms/design/")
    page.get_by_label("Name").fill("Staining")
    page.get_by_label("Fields").fill(json.dumps(SCHEMA, indent=2, ensure_ascii=False))
    expect(page.locator("#problems")).to_contain_text("The form is in order.")
    expect(page.locator("#preview").get_by_label("Antibodies")).to_be_visible()
    save(page, "panel-form-design")


def take_admin(admin: WebClient, save: Save) -> None:
    page = admin.page
    for name in ("health", "workflows", "imports", "schedules"):
        page.goto(f"{admin.url}/flows/admin/{'' if name == 'health' else f'{name}/'}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if name == "health":
            for report in (page.locator("#report-site"), page.locator("#report-cluster")):
                report.get_by_role("button", name="Look now").click()
                expect(report.get_by_text("looked at")).to_be_visible(timeout=4 * PATIENCE)
        if name == "schedules":
            page.locator(".schedule", has_text="Nightly import").get_by_text("Change when it comes").click()
            expect(page.locator(".schedule-preview").get_by_text("That is")).to_be_visible()
        save(page, f"panel-admin-{name}")
    page.goto(f"{admin.url}/flows/admin/prefect/")
    expect(page.frame_locator("iframe.prefect").get_by_text("Runs").first).to_be_visible()
    save(page, "panel-admin-prefect")
