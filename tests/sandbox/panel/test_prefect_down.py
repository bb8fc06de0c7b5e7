"""While Prefect is down each page says so in words, and a part of a page leaves the page as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor


@pytest.fixture(scope="module")
def prefect_down(site: Site) -> Iterator[None]:
    site.hold("prefect", kill=True)
    yield
    site.release("prefect", seconds=300)


@pytest.mark.parametrize("path", ["/flows/runs/", "/flows/runs/charts/?days=90", "/flows/runs/charts/use/?days=90"])
def test_a_page_says_what_happened_and_what_to_do(prefect_down: None, alice: WebVisitor, path: str) -> None:
    page = alice.get(path)
    assert page.status_code == 503
    assert "The workflow engine does not answer." in page.text
    assert "Try again in a minute" in page.text
    assert "ConnectError" not in page.text  # the machine's words are for administrators
    part = alice.get(path, **{"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Retarget"], part.headers["HX-Reswap"]) == (503, "#notices", "innerHTML")
    assert "<html" not in part.text


def test_an_administrator_reads_the_machines_words_too(prefect_down: None, admin: WebVisitor) -> None:
    assert "ConnectError" in admin.get("/flows/runs/").text
