"""An admin reads an order's run in the Prefect UI."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from sandbox.site import Site
from tests.browser.conftest import Imports
from tests.browser.pictures import contrast, shown
from tests.browser.prefect_pages import PrefectPages


@pytest.fixture
def run(site: Site, imports: Imports) -> dict[str, Any]:
    """The flow run of alice's order, as the API gives it."""
    wanted = {"flow_runs": {"tags": {"all_": [str(imports.token)]}}}
    [run] = ask(site, "flow_runs/filter", wanted)
    return dict(run)


def ask(site: Site, path: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    user, _, password = site.prefect_auth.partition(":")
    answer = httpx.post(f"{site.prefect_api}/{path}", json=wanted, auth=(user, password), timeout=30)
    answer.raise_for_status()
    return list(answer.json())


def test_nobody_reads_runs_without_the_password(site: Site) -> None:
    assert httpx.post(f"{site.prefect_api}/flow_runs/filter", json={}, timeout=30).status_code == 401


def test_run_says_who_imports_what_and_where_to(prefect: PrefectPages, run: dict[str, Any], imports: Imports) -> None:
    prefect.open_run(run["id"])
    page = prefect.page
    expect(page.get_by_text("Completed").first).to_be_visible()
    expect(page.locator("body")).to_contain_text(f'Dataset "{imports.dataset}"')
    for tag in ("user:alice", "group:lab-a", str(imports.token)):
        expect(page.get_by_text(tag, exact=True).first).to_be_visible()


def test_tasks_are_named_for_the_files(prefect: PrefectPages, run: dict[str, Any]) -> None:
    prefect.open_run(run["id"])
    prefect.open_tab("Task Runs")
    for name in ("authorise alice", "hela_40x.ome.tif"):
        expect(prefect.page.get_by_text(name).first).to_be_visible()


def test_report_shows_every_file_with_picture_and_link(
    prefect: PrefectPages, run: dict[str, Any], site: Site, imports: Imports
) -> None:
    wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "type": {"any_": ["markdown"]}}}
    [artifact] = ask(site, "artifacts/filter", wanted)
    table = prefect.open_artifact(artifact["id"])
    for name, image in (("focus_series.tif", imports.stack), ("hela_40x.ome.tif", imports.pyramid)):
        link = table.get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", f"{site.web_url}/webclient/?show=image-{image}")
    pictures = table.locator("img")
    expect(pictures).to_have_count(3)
    assert all(contrast(shown(picture)) > 10 for picture in pictures.all())
