"""What people change in OMERO.web: tags, key-values, deleting; and what they find by it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Imports
from tests.browser.web_client import WebClient


def test_a_tag_stays_on_the_image(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.stack)
    alice.add_tag(f"nuclei-{imports.mark}")
    alice.show("image", imports.stack)
    alice.unfold("tags")
    expect(alice.tags.filter(has_text=f"nuclei-{imports.mark}")).to_be_visible()


def test_a_key_value_stays_and_is_found_by_its_value(alice: WebClient, imports: Imports) -> None:
    value = f"phalloidin{imports.mark}"
    alice.show("image", imports.stack)
    alice.add_key_value("Counterstain", value)
    alice.show("image", imports.stack)
    alice.unfold("keyvaluepairs")
    expect(alice.page.locator("#mapAnnsPane td", has_text=value)).to_be_visible()
    found = alice.search(value)
    expect(found).to_have_count(1)
    expect(found.locator("td.desc")).to_have_text("focus_series.tif")


def test_an_order_is_found_by_its_token(alice: WebClient, imports: Imports) -> None:
    found = alice.search(str(imports.token))
    expect(found.locator("td.desc").filter(has_text="hela_40x.ome.tif")).to_be_visible()


def test_an_image_is_found_by_name_with_its_group(alice: WebClient, imports: Imports) -> None:
    found = alice.search("hela")
    row = alice.page.locator(f"#dataTable tr#image-{imports.pyramid}")
    expect(row).to_be_visible()
    expect(row.locator("td.group")).to_have_text("lab-a")
    assert found.count() >= 1


def test_what_is_nowhere_is_not_found(alice: WebClient) -> None:
    expect(alice.search("nosuchword")).to_have_count(0)


def test_deleting_takes_an_image_of_several_files_away(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.to_delete)
    expect(alice.thumbnails).to_have_count(2)
    alice.delete_selected()
    expect(alice.tree_node("migration.companion.ome")).to_have_count(0)
    expect(alice.thumbnails).to_have_count(1)
    assert alice.refuses_to_show("image", imports.to_delete)
