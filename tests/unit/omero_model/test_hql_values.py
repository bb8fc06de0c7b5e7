"""What a row of an answer holds: values as they go over the wire, and objects with what is loaded of them."""

from __future__ import annotations

import pytest
from omero import rtypes

from sandbox.omero.hql import find_all, project
from tests.unit.omero_model.hql_rows import column, objects, rows
from tests.unit.omero_model.small_database import NOON, Database


def test_what_a_projection_holds(database: Database) -> None:
    (row,) = rows(
        database,
        """select new map(i.id as id, i as image_details_permissions, p.sizeX as x,
                  p.physicalSizeX as size, p.physicalSizeX.value as number, p.physicalSizeX.unit as unit,
                  i.acquisitionDate as date) from Image i join i.pixels p where i.id = 4""",
    )
    assert row == [
        {
            "id": 4,
            "x": 64,
            "size": {"value": 0.5, "unit": "MICROMETER", "symbol": "µm"},
            "number": 0.5,
            "unit": "MICROMETER",
            "date": NOON,
            "image_details_permissions": {
                "perm": "rwra--",
                "canLink": False,
                "canEdit": False,
                "canDelete": False,
                "canAnnotate": True,
                "canChgrp": False,
                "canChown": False,
            },
        }
    ]
    assert rows(database, "select new list(i.id, i.name), i from Image i where i.id = 1") == [
        [[1, "b one.tif"], "Image:1"]
    ]
    assert (
        rows(database, "select g.details.permissions from ExperimenterGroup g where g.name = 'private'")[0][0]["perm"]
        == "rw----"
    )
    assert column(database, "select i.details.group.details.permissions.perm1 from Image i where i.id = 1") == [-40]


@pytest.mark.parametrize(
    ("expression", "wire"),
    [
        ("i.id", rtypes.RLongI),
        ("count(*)", rtypes.RLongI),
        ("max(p.sizeX)", rtypes.RIntI),
        ("sum(p.sizeX)", rtypes.RLongI),
        ("avg(p.sizeX)", rtypes.RDoubleI),
        ("1", rtypes.RIntI),
        ("1L", rtypes.RLongI),
        ("1.0", rtypes.RDoubleI),
        ("p.sizeX", rtypes.RIntI),
        ("p.sizeX + 1", rtypes.RIntI),
        ("p.sizeX * 2L", rtypes.RLongI),
        ("i.acquisitionDate", rtypes.RTimeI),
        ("i.name", rtypes.RStringI),
        ("i.archived", rtypes.RBoolI),
        ("size(p.channels)", rtypes.RIntI),
        ("length(i.name)", rtypes.RIntI),
        ("i", rtypes.RObjectI),
    ],
)
def test_wire_types(database: Database, expression: str, wire: type) -> None:
    found = project(database.store, database.caller(), f"select {expression} from Image i join i.pixels p", {})
    assert type(found[0][0]) is wire


def test_a_fetched_collection_gives_each_object_once_and_a_plain_join_does_not(database: Database) -> None:
    fetched = "select d from Dataset d left outer join fetch d.imageLinks l left outer join fetch l.child"
    assert objects(database, fetched) == [database.objects["dataset"], database.objects["empty"]]
    assert objects(database, fetched, 1, 1) == [database.objects["empty"]]
    joined = "select d from Dataset d join d.imageLinks l"
    assert objects(database, joined) == [database.objects["dataset"]] * 2
    assert objects(database, joined.replace("select d", "select distinct d")) == [database.objects["dataset"]]
    assert objects(database, "from Image i join fetch i.pixels") == [
        database.objects[name] for name in ("one", "two", "orphan", "bobs")
    ]


def test_only_what_is_selected_or_fetched_is_loaded(database: Database) -> None:
    query = "select i from Image i join fetch i.details.owner left outer join fetch i.pixels p where i.id = 1"
    (record,), materialiser = find_all(database.store, database.caller(), query, {})
    image = materialiser.ice(record)
    assert image.loaded
    assert image.details.owner.loaded
    assert not image.details.group.loaded
    assert not image.fileset.loaded
    assert image.isPixelsLoaded()
    assert not image.isDatasetLinksLoaded()
    pixels = image.getPixels(0)
    assert pixels.loaded
    assert pixels.image is image
    assert not pixels.pixelsType.loaded
    assert not pixels.isChannelsLoaded()


def test_a_condition_on_a_fetched_collection_loads_what_fits(database: Database) -> None:
    query = "select d from Dataset d join fetch d.imageLinks l join fetch l.child i where i.name like 'a%'"
    (record,), materialiser = find_all(database.store, database.caller(), query, {})
    (link,) = materialiser.ice(record).copyImageLinks()
    assert link.child.name.val == "a two.tif"
