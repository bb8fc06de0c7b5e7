"""axe, the accessibility checker, on a page of the panel (npm's axe-core, installed with its other packages)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "omero_ui" / "assets" / "node_modules" / "axe-core" / "axe.min.js"
#: What keeps somebody from using the page, in axe's words.
_SERIOUS = ("serious", "critical")


def serious_issues(page: Page) -> list[str]:
    """A line for each serious issue, with the elements that have it. OMERO.web's own header is left out."""
    page.evaluate(_AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run({exclude: [['#middle_header'], ['iframe']]})")
    return [
        f"{issue['id']}: {issue['help']}: {[node['target'] for node in issue['nodes']][:4]}"
        for issue in found["violations"]
        if issue["impact"] in _SERIOUS
    ]
