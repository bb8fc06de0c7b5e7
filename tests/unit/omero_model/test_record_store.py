"""Reading and writing records."""

from __future__ import annotations

from typing import Any

import omero.model
import pytest

from sandbox.omero import store as stores
from sandbox.omero.records import Int32, Milliseconds, NamedValue, Quantity
from sandbox.omero.store import Store
from tests.unit.omero_model.small_database import Database

NOBODY: dict[str, Any] = {"owner": None, "group": None, "event": None}


def test_scalars_keep_their_wire_types(database: Database) -> None:
    values = database.store.all("Pixels")[0].values
    assert type(values["sizeX"]) is Int32
    assert type(database.objects["one"].values["acquisitionDate"]) is Milliseconds
    assert type(database.store.create("OriginalFile", **NOBODY, size=5).values["size"]) is int
    assert values["physicalSizeX"] == Quantity("Length", 0.5, "MICROMETER")


def test_named_values_come_from_the_wire_and_are_immutable(database: Database) -> None:
    wire = [omero.model.NamedValue("a", "1"), None, omero.model.NamedValue("a", "2")]
    annotation = database.add("MapAnnotation", mapValue=wire)
    assert annotation.values["mapValue"] == (NamedValue("a", "1"), NamedValue("a", "2"))


def test_get_is_by_class_and_subclass(database: Database) -> None:
    tag = database.objects["tag"]
    store = database.store
    assert store.get("TagAnnotation", tag.id) is tag
    assert store.get("Annotation", tag.id) is tag
    assert store.get("MapAnnotation", tag.id) is None
    assert store.get("Annotation", 999) is None
    assert tag in store.all("TextAnnotation")
    assert tag not in store.all("MapAnnotation")
    assert store.count("Annotation") == len(store.all("Annotation")) == 2
    assert store.count("TagAnnotation") == 1


def test_collections_and_referrers_follow_references(database: Database) -> None:
    store, one, dataset = database.store, database.objects["one"], database.objects["dataset"]
    links = store.collection(dataset, "imageLinks")
    assert [link.values["child"].values["name"] for link in links] == ["b one.tif", "a two.tif"]
    store.assign(links[0], "parent", database.objects["empty"])
    assert store.collection(dataset, "imageLinks") == links[1:]
    assert store.collection(database.objects["empty"], "imageLinks") == links[:1]
    assert store.referrers("DatasetImageLink", "child", one) == links[:1]
    assert store.count_referrers("ImageAnnotationLink", "parent", one) == 2


def test_enumerations_find_their_referrers_too(database: Database) -> None:
    pixels_type = database.store.enumeration("PixelsType", "uint16")
    assert len(database.store.referrers("Pixels", "pixelsType", pixels_type)) == 5


def test_ordered_collection_keeps_the_order_it_is_given(database: Database) -> None:
    store = database.store
    pixels = store.collection(database.objects["one"], "pixels")[0]
    first, second = store.collection(pixels, "channels")
    store.arrange(pixels, "channels", [second, first])
    assert store.collection(pixels, "channels") == [second, first]
    third = database.add("Channel", pixels=pixels)
    assert store.collection(pixels, "channels") == [second, first, third]
    with pytest.raises(stores.WrongValueError, match="no order"):
        store.arrange(database.objects["dataset"], "imageLinks", [])
    with pytest.raises(stores.WrongValueError, match="has the members"):
        store.arrange(pixels, "channels", [first, second])


def test_find_uses_indexes_that_follow_changes(database: Database) -> None:
    store, alice = database.store, database.users["alice"]
    assert store.find("Experimenter", omeName="alice") == [alice]
    store.assign(alice, "omeName", "alicia")
    assert store.find("Experimenter", omeName="alice") == []
    assert store.find("Experimenter", omeName="alicia", lastName="Example") == [alice]
    assert store.find("Experimenter", email=None, omeName="bob") == [database.users["bob"]]
    assert store.find("TagAnnotation", ns="omero-flows/import") == []
    assert store.find("Annotation", ns="omero-flows/import") == [database.objects["order"]]


def test_a_fresh_store_has_omeros_enumerations() -> None:
    store = Store()
    assert store.enumeration("PixelsType", "uint8").values["bitSize"] == 8
    assert len(store.all("DimensionOrder")) == 6
    assert store.enumeration("Format", "Leica LIF") is store.enumeration("Format", "Leica LIF")
    with pytest.raises(stores.UnknownEnumerationError, match="uint128"):
        store.enumeration("PixelsType", "uint128")
    with pytest.raises(stores.UnknownEnumerationError, match="Image is not"):
        store.enumeration("Image", "x")


@pytest.mark.parametrize(
    ("type_name", "values", "error", "message"),
    [
        ("Nothing", {}, stores.UnknownClassError, "Nothing"),
        ("Annotation", {}, stores.WrongValueError, "abstract"),
        ("Image", {"nmae": "x"}, stores.UnknownFieldError, "nmae"),
        ("Image", {"series": "x"}, stores.WrongValueError, "series"),
        ("Pixels", {"sizeX": True}, stores.WrongValueError, "sizeX"),
        ("Pixels", {"image": 1}, stores.WrongValueError, "refers to a Image"),
        ("Image", {"pixels": []}, stores.WrongValueError, "collection"),
        ("Pixels", {"physicalSizeX": 1.0}, stores.WrongValueError, "quantity"),
        ("Pixels", {"physicalSizeX": Quantity("Time", 1, "SECOND")}, stores.WrongValueError, "quantity"),
    ],
)
def test_create_refuses_by_name_and_leaves_nothing(
    type_name: str, values: dict[str, Any], error: type[Exception], message: str
) -> None:
    store = Store()
    with pytest.raises(error, match=message):
        store.create(type_name, **NOBODY, **values)
    assert store.all("Image") == store.all("Pixels") == store.all("Annotation") == []


def test_reference_of_the_wrong_class_is_refused(database: Database) -> None:
    with pytest.raises(stores.WrongValueError, match="refers to a Dataset"):
        database.add("DatasetImageLink", parent=database.objects["project"])


def test_ids_are_not_given_twice(database: Database) -> None:
    store = database.store
    image = store.create("Image", **NOBODY)
    store.delete(image)
    assert store.create("Image", **NOBODY).id == image.id + 1
    with pytest.raises(stores.WrongValueError, match="already"):
        store.create("Image", **NOBODY, id=database.objects["one"].id)


def test_deleting_what_others_refer_to_is_refused_and_undone(database: Database) -> None:
    store, dataset = database.store, database.objects["dataset"]
    with pytest.raises(stores.DanglingReferenceError, match=r"Dataset:1 .*DatasetImageLink"):
        store.delete(dataset)
    assert store.get("Dataset", dataset.id) is dataset
    assert len(store.collection(dataset, "imageLinks")) == 2
    event = dataset.creation_event
    assert event is not None
    with pytest.raises(stores.DanglingReferenceError, match="creation_event"):
        store.delete(event)
    with pytest.raises(stores.DanglingReferenceError, match="pixelsType"):
        store.delete(store.enumeration("PixelsType", "uint16"))
    with store.transaction():
        store.delete(dataset)  # the order does not matter
        for link in (*store.collection(dataset, "imageLinks"), *store.collection(dataset, "projectLinks")):
            store.delete(link)
    assert store.get("Dataset", dataset.id) is None


def test_a_deleted_record_is_not_referred_to_again(database: Database) -> None:
    store = database.store
    gone = database.add("Dataset", name="gone")
    store.delete(gone)
    link = database.add("ProjectDatasetLink", parent=database.objects["project"])
    for refused in (
        lambda: store.assign(link, "child", gone),
        lambda: store.delete(gone),
        lambda: store.assign_detail(link, "owner", Store().create("Experimenter", **NOBODY)),
        lambda: store.create("Image", owner=gone, group=None, event=None),
    ):
        with pytest.raises(stores.AbsentRecordError, match="not in the database"):
            refused()


def test_settings(database: Database) -> None:
    store = database.store
    store.remember("password of alice", {"hash": "x"})
    assert store.setting("password of alice") == {"hash": "x"}
    store.remember("password of alice", None)
    assert store.setting("password of alice") is None
    with pytest.raises(TypeError):
        store.remember("x", object())
