"""A microscopist looks at what an order imported: tree, thumbnails, panel, preview, viewer, plate."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

from contracts import namespaces
from tests.browser.conftest import Imports
from tests.browser.pictures import band_sums, contrast, shown
from tests.browser.web_client import WebClient, viewer_picture


def test_tree_shows_a_dataset_with_its_images_by_name(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.pyramid)
    expect(alice.tree_node(imports.dataset)).to_have_count(1)
    for name in ("focus_series.tif", "hela_40x.ome.tif", "migration.companion.ome"):
        expect(alice.tree_node(name)).to_have_count(1)


def test_thumbnails_show_the_images(alice: WebClient, imports: Imports) -> None:
    alice.show("dataset", alice_dataset(alice, imports))
    expect(alice.thumbnails).to_have_count(3)
    pictures = [shown(thumbnail) for thumbnail in alice.thumbnails.all()]
    assert all(contrast(picture) > 10 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 3
    red, _, blue = band_sums(pictures[1])
    assert blue > red, "the OME-TIFF's own colours are blue and green"


def alice_dataset(client: WebClient, imports: Imports) -> int:
    """The id of the dataset that an image lies in, as OMERO.web tells it."""
    answer = client.context.request.get(f"{client.url}/webclient/api/paths_to_object/?image={imports.pyramid}")
    return next(int(step["id"]) for step in answer.json()["paths"][0] if step["type"] == "dataset")


def test_panel_shows_what_the_file_says(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.pyramid)
    details = alice.details()
    assert details["Owner"] == "Alice Arber"
    assert details["Channels"] == "DAPI, GFP"
    assert details["Dimensions (XY)"] == "640 x 640"
    assert details["Pixels Type"] == "uint16"
    assert details["Z-sections/Timepoints"] == "3 x 1"
    assert details["Pixels Size (XYZ) (µm)"] == "0.16 x 0.16 x 0.80"
    assert details["Acquisition Date"].startswith("2026-03-02")


def test_key_values_tell_where_an_image_came_from(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.pyramid)
    pairs = alice.key_values(namespaces.IMPORT)
    assert pairs["UUID"] == str(imports.token)
    assert pairs["Username"] == "alice" and pairs["Group"] == "lab-a"
    assert pairs["FileNames"] == "hela_40x.ome.tif"
    assert alice.key_values(namespaces.PROVENANCE)["Stain"] == "Hoechst 33342"


def test_preview_draws_the_image(alice: WebClient, imports: Imports) -> None:
    alice.show("image", imports.stack)
    preview = alice.open_preview()
    expect(alice.page.locator("#wblitz-z-count")).to_have_text("5")
    expect(alice.page.locator("#viewport-img")).to_have_js_property("complete", True)
    assert contrast(shown(preview)) > 10


def test_viewer_draws_a_pyramid_in_tiles(alice: WebClient, imports: Imports) -> None:
    viewer = alice.open_viewer(imports.pyramid)
    tiles = viewer.locator("#weblitz-viewport-img-tiles img")
    expect(tiles.first).to_be_visible()
    viewer.wait_for_load_state("networkidle")
    picture = shown(viewer_picture(viewer))
    assert contrast(picture) > 10
    expect(viewer.locator("body")).to_contain_text("DAPI")


def test_viewer_goes_through_focus_planes(alice: WebClient, imports: Imports) -> None:
    viewer = alice.open_viewer(imports.stack)
    image = viewer.locator("#weblitz-viewport-img")
    expect(image).to_have_js_property("naturalWidth", 320)
    middle = shown(viewer_picture(viewer))
    with viewer.expect_response(lambda response: "/render_image/" in response.url and response.ok) as answer:
        viewer.locator("#weblitz-viewport-zsl-bup").click()
    answer.value.finished()
    expect(viewer.locator("#wblitz-z-curr")).to_have_text("4")
    assert contrast(middle) > 10
    assert not np.array_equal(middle, shown(viewer_picture(viewer)))


def test_plate_shows_its_wells_and_their_fields(bob: WebClient, imports: Imports) -> None:
    bob.show("plate", imports.plate)
    expect(bob.wells).to_have_count(6)
    names = [well.get_attribute("name") for well in bob.wells.all()]
    assert names == ["A1", "A2", "A3", "B1", "B2", "B3"]
    pictures = [shown(well) for well in bob.wells.all()]
    assert all(contrast(picture) > 10 for picture in pictures)
    bob.wells.nth(1).click()
    expect(bob.fields).to_have_count(2)
    expect(bob.page.locator("#general_tab")).to_contain_text("A2")
    assert all(contrast(shown(field)) > 10 for field in bob.fields.all())


def test_plate_carries_its_orders_key_values(bob: WebClient, imports: Imports) -> None:
    bob.show("plate", imports.plate)
    expect(bob.tree_node(imports.screen)).to_have_count(1)
    assert bob.key_values(namespaces.IMPORT)["Username"] == "bob"
