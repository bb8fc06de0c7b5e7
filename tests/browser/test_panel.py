"""The panel in a browser: a plain user finds their run, an admin works in the embedded Prefect UI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from sandbox.site import Site
from tests.browser.accessibility import serious_issues
from tests.browser.conftest import Imports
from tests.browser.web_client import WebClient


@pytest.fixture
def admin(context: BrowserContext, site: Site) -> Iterator[WebClient]:
    client = WebClient(context, site.web_url)
    client.page.goto(f"{site.web_url}/webclient/login/")
    client.page.locator("input[name=username]").fill("root")
    client.page.locator("input[name=password]").fill(site.password("root"))
    client.page.locator("input[type=submit]").click()
    client.page.wait_for_url("**/webclient/**")
    yield client
    assert not client.faults


def test_a_user_finds_their_run_from_omero_web(alice: WebClient, imports: Imports) -> None:
    page = alice.page
    page.locator("#middle_header_left").get_by_role("link", name="Flows").click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert not serious_issues(page)
    page.keyboard.press("/")
    page.keyboard.type(str(imports.token))
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr")).to_have_count(1)
    row = page.locator(f"#run-{imports.token}")
    expect(row).to_contain_text("Done")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(imports.dataset)
    expect(page.locator(".results img")).to_have_count(3)
    page.locator("summary", has_text="Log").click()
    expect(page.get_by_role("log")).to_contain_text("hela_40x.ome.tif")
    assert not serious_issues(page)
    page.goto(f"{alice.url}/flows/runs/charts/")
    expect(page.get_by_role("heading", name="Storage in and out")).to_be_visible()
    expect(page.locator(".bar-in").first).to_be_attached()
    assert not serious_issues(page)
    expect(page.get_by_role("link", name="Admin", exact=True)).to_have_count(0)


def test_an_image_names_the_run_that_made_it(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.stack)
    alice.page.locator("#annotation_tabs a", has_text="Flows").click()
    made = alice.page.locator("#flows_tab").get_by_role("link", name=imports.dataset)
    expect(made).to_have_attribute("href", f"/flows/runs/{imports.token}/")


@pytest.mark.parametrize("where", ["", "workflows/", "imports/", "schedules/", "prefect/"])
def test_the_admin_pages_are_for_everybody_who_is_admin(admin: WebClient, where: str) -> None:
    """No serious issue for those who use a screen reader or the keyboard, by axe."""
    admin.page.goto(f"{admin.url}/flows/admin/{where}")
    assert serious_issues(admin.page) == []


def test_an_admin_moves_a_night_and_sees_what_it_means_before_it_is_saved(admin: WebClient) -> None:
    page = admin.page
    page.goto(f"{admin.url}/flows/admin/schedules/")
    night = page.locator(".schedule", has_text="Nightly import")
    night.get_by_text("Change when it comes").click()
    expect(night.get_by_text("That is every day at 01:00")).to_be_visible()
    assert serious_issues(page) == []
    cron, before = night.get_by_label("Cron"), night.get_by_label("Cron").input_value()
    cron.fill("0 25 * * *")
    expect(night.get_by_text("hour: 25 is not between 0 and 23")).to_be_visible()
    night.get_by_role("button", name="Save").click()
    expect(page.locator("#notices")).to_contain_text("nothing was changed")
    expect(cron).to_have_value("0 25 * * *")
    try:
        cron.fill("30 22 * * mon-fri")
        night.get_by_label("Time zone").fill("Europe/Berlin")
        expect(night.get_by_text("That is on Monday to Friday at 22:30")).to_be_visible()
        night.get_by_role("button", name="Save").click()
        expect(night.locator(".facts")).to_contain_text("on Monday to Friday at 22:30 in Europe/Berlin")
        night.get_by_role("button", name="Switch on").click()
        expect(night.get_by_role("button", name="Switch off")).to_be_visible()
        expect(night.locator("dt", has_text="Next").locator("+ dd time")).to_have_count(3)
    finally:
        night.get_by_role("button", name="Switch off").click()
        expect(night.get_by_role("button", name="Switch on")).to_be_visible()
        night.get_by_text("Change when it comes").click()
        night.get_by_label("Cron").fill(before)
        night.get_by_label("Time zone").fill("UTC")
        night.get_by_role("button", name="Save").click()
        expect(night.locator(".facts")).to_contain_text("every day at 01:00")


def test_an_admin_works_in_the_prefect_ui(admin: WebClient, imports: Imports) -> None:
    page = admin.page
    page.goto(f"{admin.url}/flows/admin/prefect/")
    frame = page.frame_locator("iframe.prefect")
    # Prefect's API answers behind nginx, and nobody is asked for its password.
    expect(frame.get_by_text(imports.dataset).first).to_be_visible()
    expect(frame.locator("input[type=password]")).to_have_count(0)
