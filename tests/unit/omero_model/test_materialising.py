"""Records as the objects that clients receive."""

from __future__ import annotations

import omero.model
import pytest

from sandbox.omero.materialise import Materialiser
from sandbox.omero.model import load_model
from sandbox.omero.records import NamedValue, Quantity
from sandbox.omero.store import StoreError
from tests.unit.omero_model.small_database import NOON, Database


def test_unloaded_by_default(database: Database) -> None:
    image = Materialiser(database.store, database.caller()).ice(database.objects["one"])
    assert (image.id.val, image.loaded) == (1, False)


def test_loaded_object_has_its_fields_details_and_permissions(database: Database) -> None:
    materialiser = Materialiser(database.store, database.caller("bob"))
    record = database.objects["one"]
    materialiser.load(record)
    image = materialiser.ice(record)
    assert materialiser.ice(record) is image
    assert image.name.val == "b one.tif"
    assert image.description is None
    assert image.acquisitionDate.val == NOON
    assert isinstance(image.acquisitionDate, omero.RTime)
    assert not image.isPixelsLoaded()
    assert image.details.owner.id.val == database.users["alice"].id
    assert image.details.permissions.canAnnotate()
    assert not image.details.permissions.canEdit()


def test_quantities_named_values_and_bytes(database: Database) -> None:
    materialiser = Materialiser(database.store, database.caller())
    pixels = database.store.all("Pixels")[0]
    mask = database.add("Mask", bytes=b"\x00\xff")
    for record in (pixels, mask, database.objects["order"]):
        materialiser.load(record)
    size = materialiser.ice(pixels).physicalSizeX
    assert (size.getValue(), str(size.getUnit()), size.getSymbol()) == (0.5, "MICROMETER", "µm")
    assert [(pair.name, pair.value) for pair in materialiser.ice(database.objects["order"]).mapValue] == [
        ("UUID", "6c1a"),
        ("User", "alice"),
    ]
    assert bytes(materialiser.ice(mask).bytes) == b"\x00\xff"


def test_paths_load_collections_on_the_way(database: Database) -> None:
    materialiser = Materialiser(database.store, database.caller())
    record = database.objects["one"]
    for path in ("pixels.channels.logicalChannel", "pixels.pixelsType", "details.owner", "annotationLinks.child.file"):
        materialiser.load_path(record, path)
    image = materialiser.ice(record)
    channels = image.getPrimaryPixels().copyChannels()
    assert [channel.logicalChannel.name.val for channel in channels] == ["DAPI", "GFP"]
    assert image.getPrimaryPixels().pixelsType.value.val == "uint16"
    assert image.details.owner.omeName.val == "alice"
    assert len(image.copyAnnotationLinks()) == 2
    for path in ("pixls", "pixels.sizeX", "details.ownr"):
        with pytest.raises(StoreError, match="in the path"):
            materialiser.load_path(record, path)


def test_unreadable_members_are_left_out(database: Database) -> None:
    dataset = database.objects["dataset"]
    database.add("DatasetImageLink", user="bob", group="private", parent=dataset, child=database.objects["secret"])
    materialiser = Materialiser(database.store, database.caller())
    materialiser.load_collection(dataset, "imageLinks")
    assert len(materialiser.ice(dataset).copyImageLinks()) == 2


def test_cells_of_projections(database: Database) -> None:
    materialiser = Materialiser(database.store, database.caller())
    assert materialiser.value(None) is None
    assert materialiser.value({"a": [1, "b"]}).val["a"].val[1].val == "b"
    assert materialiser.value(Quantity("Time", 2, "SECOND")).val["symbol"].val == "s"
    for nothing_the_wire_knows in (object(), NamedValue("a", "b")):
        with pytest.raises(TypeError, match="no wire type"):
            materialiser.value(nothing_the_wire_knows)


@pytest.mark.parametrize(
    "name",
    sorted(name for name, model in load_model().items() if "IObject" in model.supertypes and not model.is_abstract),
)
def test_every_class_can_be_stored_and_materialised(database: Database, name: str) -> None:
    record = database.add(name)
    materialiser = Materialiser(database.store, database.caller())
    materialiser.load(record)
    made = materialiser.ice(record)
    assert made.id.val == record.id
    assert made.loaded
