"""The documentation says what the code is: every failure category, every option, every link."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contracts.failures import FailureCategory
from contracts.schemas import EXPORTED, json_schema

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("category", FailureCategory)
def test_every_failure_category_is_explained(category: FailureCategory) -> None:
    assert f"| `{category.value}` |" in (ROOT / "docs" / "failures.md").read_text("utf-8")


def test_no_category_is_explained_that_is_not_there() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "failures.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(FailureCategory)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("name", EXPORTED)
def test_the_published_schemas_are_those_of_the_contracts(name: str) -> None:
    """`omero-flows schema --into docs/schemas` writes them anew."""
    assert json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text("utf-8")) == json_schema(name)
