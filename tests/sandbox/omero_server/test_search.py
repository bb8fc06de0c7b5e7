"""Full-text and key-value search, as OMERO.web's search page asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import omero
import omero.model
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rstring

from sandbox.omero.server import EmbeddedOmero
from sandbox.omero.services.full_text import parse_query, words_of
from tests.sandbox.omero_server.conftest import connect


@pytest.fixture(scope="module")
def alice(server: EmbeddedOmero) -> Iterator[BlitzGateway]:
    gateway = connect(server, "alice", "read-annotate")
    update = gateway.getUpdateService()
    values: dict[str, dict[str, Any]] = {
        "mitosis_001.tif": {"description": "HeLa cells in the red channel"},
        "mitosis_002.tif": {"pairs": [("Gene", "CDK1"), ("Dose", "10 nM")]},
        "interphase.lif": {"tag": "control"},
    }
    for name, more in values.items():
        image = omero.model.ImageI()
        image.name = rstring(name)
        if "description" in more:
            image.description = rstring(more["description"])
        if "pairs" in more:
            annotation = omero.model.MapAnnotationI()
            annotation.setMapValue([omero.model.NamedValue(*pair) for pair in more["pairs"]])
            image.linkAnnotation(annotation)
        if "tag" in more:
            tag = omero.model.TagAnnotationI()
            tag.textValue = rstring(more["tag"])
            image.linkAnnotation(tag)
        update.saveObject(image)
    yield gateway
    gateway.close()


FIRST, SECOND, THIRD = "mitosis_001.tif", "mitosis_002.tif", "interphase.lif"


@pytest.mark.parametrize(("query", "found"), [
    ("mitosis", {FIRST, SECOND}),
    ("MITOSIS", {FIRST, SECOND}),
    ("mitosis_001", {FIRST}),
    ("mito*", {FIRST, SECOND}),
    ("*phase", {THIRD}),
    ("hela interphase", {FIRST, THIRD}),
    ("hela AND mitosis", {FIRST}),
    ("mitosis AND NOT hela", {SECOND}),
    ("mitosis -hela", {SECOND}),
    ('"red channel"', {FIRST}),
    ('"channel red"', set()),
    ("Gene:CDK1", {SECOND}),
    ("Gene:cdk*", {SECOND}),
    ("has_key:dose", {SECOND}),
    ("tag:control", {THIRD}),
    ("name:control", set()),
    ("(hela OR control) AND tif", {FIRST}),
    ("nowhere", set()),
])  # fmt: skip
def test_search_finds(query: str, found: set[str], alice: BlitzGateway) -> None:
    assert {image.getName() for image in alice.searchObjects(["Image"], query)} == found


def test_search_looks_only_in_the_fields_that_are_named(alice: BlitzGateway) -> None:
    def search(*fields: str) -> set[str]:
        found = alice.searchObjects(["Image"], "hela", fields=fields, rawQuery=False)
        return {image.getName() for image in found}

    assert search("description") == {FIRST}
    assert search("name") == set()


def test_search_does_not_find_what_one_may_not_see(server: EmbeddedOmero, alice: BlitzGateway) -> None:
    dave = connect(server, "dave")
    assert not dave.searchObjects(["Image"], "mitosis")
    dave.close()


def test_results_come_in_batches(alice: BlitzGateway) -> None:
    search = alice.c.sf.createSearchService()
    search.onlyType("Image")
    search.setBatchSize(1)
    search.byFullText("mitosis")
    sizes = []
    while search.hasNext():
        sizes.append(len(search.results()))
    search.close()
    assert sizes == [1, 1]


@pytest.mark.parametrize("query", ["(open", "close)", "AND", "a:[1 TO 5]", "fuzzy~", ""])
def test_a_query_that_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(omero.ApiUsageException, match="parse exception"):
        parse_query(query)


def test_texts_are_cut_at_everything_that_is_no_letter_or_digit() -> None:
    assert words_of("Mito_01-b.ome.TIF größe") == ["mito", "01", "b", "ome", "tif", "größe"]
