"""An analysis in a browser: from the choice of images to the label image in OMERO.web's viewer."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.browser.accessibility import serious_issues
from tests.browser.conftest import Imports
from tests.browser.web_client import WebClient

pytestmark = pytest.mark.timeout(900)
#: A run passes through Slurm and three processes; milliseconds.
RUN = 420_000


@pytest.fixture(scope="module", autouse=True)
def installed(site: Site) -> None:
    """The workflow's image is on the cluster, as an admin has it put there once."""
    if site.cluster is None:
        pytest.skip("the site has no cluster; `omero-flows sandbox status` says why")
    words = [sys.executable, "-m", "cli.main", "cluster", "set-up"]
    done = subprocess.run(words, cwd=PROJECT, env=site.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_from_a_selection_to_the_label_image_in_the_viewer(alice: WebClient, imports: Imports) -> None:
    page = alice.page
    # As OMERO.web's "Open with" leads here, with what was selected.
    page.goto(f"{alice.url}/flows/analyse/?image={imports.stack}&image={imports.pyramid}")
    page.get_by_role("link", name="Nuclei", exact=True).click(timeout=120_000)
    page.wait_for_load_state()  # before that the scripts are not there
    expect(page.locator("#chosen .image")).to_have_count(2)
    assert serious_issues(page) == []
    page.locator(f"#image-{imports.pyramid}").uncheck()
    expect(page.locator(".image-left-out")).to_have_count(1)

    page.get_by_role("button", name="Next").click()
    assert serious_issues(page) == []
    page.get_by_label("Diameter").fill("20")
    page.get_by_label("Diameter").blur()
    page.get_by_role("button", name="Next").click()
    assert serious_issues(page) == []
    # Not beside their inputs: other tests count the images that lie there.
    page.get_by_label("Name of the dataset").fill(f"Nuclei {imports.mark}")
    page.get_by_label("Label images become").select_option("polygons")
    # Going back loses nothing.
    page.get_by_role("button", name="2 Parameters").or_(page.get_by_role("button", name="Parameters")).first.click()
    expect(page.get_by_label("Diameter")).to_have_value("20")
    page.get_by_role("button", name="Check and run").click()
    said = page.locator("#check")
    expect(said).to_contain_text("1 image")
    expect(said).to_contain_text("Diameter 20")
    expect(said).to_contain_text("polygons")
    expect(said).to_contain_text(f"Nuclei {imports.mark}")
    assert serious_issues(page) == []
    page.get_by_role("button", name="Run", exact=True).click()

    page.wait_for_url(re.compile(r"/flows/runs/[0-9a-f-]{36}/"))
    labels = page.locator("a[href*='image-']", has=page.locator("img")).first
    expect(labels).to_be_visible(timeout=RUN)
    result = re.search(r"image-(\d+)", labels.get_attribute("href") or "")
    assert result, "the run's page has no result image"
    page.goto(f"{alice.url}/webclient/img_detail/{result[1]}/")
    expect(page.locator("body")).to_contain_text("labels")
