"""Whose images a person sees, and what they may do with them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Imports
from tests.browser.web_client import WebClient


def test_bob_neither_sees_nor_reaches_the_private_group(bob: WebClient, imports: Imports) -> None:
    assert bob.groups() == ["lab-a"]
    assert bob.refuses_to_show("image", imports.private)
    plane = bob.context.request.get(f"{bob.url}/webgateway/render_image/{imports.private}/0/0/")
    page = bob.context.request.get(f"{bob.url}/webclient/img_detail/{imports.private}/")
    assert (plane.status, page.status) == (404, 404)
    found = bob.search(imports.mark)
    expect(found.filter(has_text=imports.screen)).to_have_count(1)
    expect(found.filter(has_text=imports.private_dataset)).to_have_count(0)


def test_alice_changes_to_her_private_group(alice: WebClient, imports: Imports) -> None:
    assert alice.groups() == ["lab-a", "lab-b"]
    alice.open_tree("lab-b", "Alice Arber")
    expect(alice.tree_node(imports.private_dataset)).to_have_count(1)
    expect(alice.tree_node(imports.dataset)).to_have_count(0)


def test_bob_sees_a_colleagues_images_annotates_them_and_cannot_change_them(bob: WebClient, imports: Imports) -> None:
    """lab-a is read-annotate (rwra--)."""
    bob.open_tree("lab-a", "Alice Arber")
    expect(bob.tree_node(imports.dataset)).to_have_count(1)
    bob.show("image", imports.pyramid)
    expect(bob.page.locator("#deleteButton")).to_be_disabled()
    expect(bob.page.locator(f"#imagename-{imports.pyramid} button")).to_have_count(0)
    bob.add_tag(f"seen-by-bob-{imports.mark}")
    bob.show("image", imports.pyramid)
    bob.unfold("tags")
    expect(bob.tags.filter(has_text=f"seen-by-bob-{imports.mark}")).to_be_visible()
