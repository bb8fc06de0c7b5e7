"""`make screenshots`: the pictures of docs/images, of the demo's site.

Takes them of the site that `make demo` left up, or of the one in $OMERO_FLOWS_HOME. What the demo imported has
to be there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from contracts import namespaces
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.browser.conftest import CHROMIUM, CHROMIUM_OPTIONS, PATIENCE
from tests.browser.panel_screenshots import take_panel
from tests.browser.prefect_pages import PrefectPages
from tests.browser.web_client import WebClient, viewer_picture

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WINDOW: ViewportSize = {"width": 1280, "height": 800}
#: Bytes; a larger picture is kept with 256 colours.
LARGEST = 300_000
_HIDE_PLACES = """places => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode())
        for (const [place, said] of Object.entries(places)) text.data = text.data.replaceAll(place, said);
}"""


def main() -> None:
    site = Site(known_ports=True)
    reports = {report["destination"]["name"]: report for report in read_reports(site)}
    try:
        in_place, converted = reports["Demo: in place"], reports["Demo: converted"]
        plate = reports["Demo: dose response"]
    except KeyError as error:
        sys.exit(f"The site in {site.home.root} has no order for {error}: make demo")
    FOLDER.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        take_omero_web(browser, site, in_place, converted, plate)
        take_prefect(browser, site, in_place)
        take_analysis(browser, site)
        take_panel(browser, site, WINDOW, save_of_panel)
        browser.close()


def take_omero_web(browser: Browser, site: Site, in_place: dict[str, Any], converted: dict[str, Any],
                   plate: dict[str, Any]) -> None:  # fmt: skip
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    alice = WebClient(context, site.web_url)
    alice.log_in("alice", site.password("alice"))
    alice.show("image", object_of(in_place, 1))
    expect(alice.thumbnails.first).to_be_visible()
    alice.details()
    save(alice.page, "omero-web-dataset")
    alice.show("image", object_of(converted, 0))
    alice.key_values(namespaces.PROVENANCE)
    alice.page.locator("#mapAnnsPane table.keyValueTable", has_text=namespaces.PROVENANCE).scroll_into_view_if_needed()
    save(alice.page, "omero-web-key-values")
    viewer = alice.open_viewer(object_of(in_place, 0))
    expect(viewer.locator("#weblitz-viewport-img")).to_have_js_property("naturalWidth", 320)
    expect(viewer_picture(viewer)).to_be_visible()
    save(viewer, "omero-web-viewer")
    alice.show("plate", object_of(plate, 0))
    expect(alice.wells).to_have_count(6)
    alice.wells.nth(1).click()
    expect(alice.fields.first).to_be_visible()
    expect(alice.page.locator("#general_tab")).to_contain_text("Well ID")
    save(alice.page, "omero-web-plate")
    context.close()


def take_prefect(browser: Browser, site: Site, order: dict[str, Any]) -> None:
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    prefect = PrefectPages(context, site.addresses.prefect_url)
    prefect.log_in(site.prefect_auth)
    prefect.open_runs()
    expect(prefect.page.get_by_text("Completed").first).to_be_visible()
    save(prefect.page, "prefect-runs")
    [run] = ask(site, "flow_runs/filter", {"flow_runs": {"tags": {"all_": [order["uuid"]]}}})
    prefect.open_run(run["id"])
    expect(prefect.page.get_by_text("authorise alice").or_(prefect.page.get_by_text("Worker 'sandbox")).first
           ).to_be_visible()  # fmt: skip
    prefect.page.wait_for_load_state("networkidle")
    save(prefect.page, "prefect-run")
    wanted = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "type": {"any_": ["markdown"]}}}
    prefect.open_artifact(ask(site, "artifacts/filter", wanted)[-1]["id"])
    save(prefect.page, "prefect-report")
    context.close()


def take_analysis(browser: Browser, site: Site) -> None:
    """A label image beside its input with what made it, the table of nuclei, and the run's report."""
    found = ask(
        site, "artifacts/filter", {"artifacts": {"type": {"any_": ["analysis-report"]}}, "sort": "UPDATED_DESC"}
    )
    if not found:
        print("There is no analysis to take pictures of: Slurm could not run when the demo did.")
        return
    report = json.loads(found[0]["data"])
    labels = next(result for result in report["results"] if result["kind"] == "image")
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    alice = WebClient(context, site.web_url)
    alice.log_in("alice", site.password("alice"))
    alice.show("image", labels["object_id"])
    alice.unfold("keyvaluepairs")
    expect(alice.page.locator("#mapAnnsPane table.keyValueTable").first).to_be_visible()
    save(alice.page, "omero-web-labels")
    context.close()
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    prefect = PrefectPages(context, site.addresses.prefect_url)
    prefect.log_in(site.prefect_auth)
    wanted = {"artifacts": {"key": {"any_": [f"analysis-{report['uuid']}"]}}, "sort": "UPDATED_DESC"}
    prefect.open_artifact(ask(site, "artifacts/filter", wanted)[0]["id"])
    save(prefect.page, "prefect-analysis-report")
    context.close()


def read_reports(site: Site) -> list[dict[str, Any]]:
    """The reports of all orders, oldest first."""
    found = ask(site, "artifacts/filter", {"artifacts": {"type": {"any_": ["import-report"]}}, "sort": "UPDATED_DESC"})
    return [json.loads(artifact["data"]) for artifact in reversed(found)]


def ask(site: Site, path: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    user, _, password = site.prefect_auth.partition(":")
    answer = httpx.post(f"{site.prefect_api}/{path}", json=wanted, auth=(user, password), timeout=60)
    answer.raise_for_status()
    return list(answer.json())


def object_of(report: dict[str, Any], file: int) -> int:
    return int(report["files"][file]["objects"][0]["id"])


def save(page: Any, name: str) -> None:
    page.wait_for_load_state("networkidle")
    keep(page, name)


def save_of_panel(page: Any, name: str) -> None:
    """Some of its pages ask again every few seconds and are never idle; and where this site happens to lie on this
    machine is nothing that a reader should copy.
    """
    page.wait_for_timeout(1000)
    page.evaluate(_HIDE_PLACES, {str(Site().home.root): "/srv/site", str(PROJECT): "/opt/omero-flows"})
    keep(page, name)


def keep(page: Any, name: str) -> None:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=str(path))
    if path.stat().st_size > LARGEST:
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1024} kB)")


if __name__ == "__main__":
    main()
