"""The model as reflected from omero-py."""

from __future__ import annotations

import pytest

from sandbox.omero.model import FieldKind, find_class, load_model

MODEL = load_model()


def test_every_class_of_omero_py_is_there() -> None:
    assert len(MODEL) == 182


@pytest.mark.parametrize("name", sorted(MODEL))
def test_every_collection_has_an_inverse_that_refers_back(name: str) -> None:
    model = MODEL[name]
    for field in model.fields.values():
        if field.kind is FieldKind.COLLECTION:
            assert field.inverse is not None
            inverse = MODEL[field.type].find_field(field.inverse)
            assert inverse is not None
            assert inverse.kind is FieldKind.REFERENCE
            assert inverse.type in model.supertypes


@pytest.mark.parametrize(
    ("type_name", "field", "inverse"),
    [
        ("Folder", "childFolders", "parentFolder"),
        ("Annotation", "annotationLinks", "parent"),
        ("Image", "datasetLinks", "child"),
        ("Dataset", "imageLinks", "parent"),
        ("Pixels", "channels", "pixels"),
    ],
)
def test_inverse(type_name: str, field: str, inverse: str) -> None:
    assert MODEL[type_name].fields[field].inverse == inverse


def test_lists_and_sets_are_told_apart() -> None:
    assert MODEL["Pixels"].fields["channels"].ordered
    assert MODEL["Experimenter"].fields["groupExperimenterMap"].ordered
    assert not MODEL["ExperimenterGroup"].fields["groupExperimenterMap"].ordered
    assert not MODEL["Image"].fields["datasetLinks"].ordered


def test_kinds_of_fields() -> None:
    fields = MODEL["Pixels"].fields
    assert fields["sizeX"].kind is FieldKind.SCALAR
    assert fields["sizeX"].type == "RInt"
    assert fields["image"].kind is FieldKind.REFERENCE
    assert fields["physicalSizeX"].kind is FieldKind.QUANTITY
    assert MODEL["MapAnnotation"].fields["mapValue"].kind is FieldKind.VALUE
    assert "details" not in fields
    assert "datasetLinksCountPerOwner" not in MODEL["Image"].fields


def test_inheritance() -> None:
    assert MODEL["TagAnnotation"].root == "Annotation"
    assert (
        MODEL["TagAnnotation"].supertypes
        == ("TagAnnotation", "TextAnnotation", "TypeAnnotation", "Annotation", "IObject")
        or MODEL["TagAnnotation"].supertypes[0] == "TagAnnotation"
    )
    assert "TagAnnotation" in MODEL["Annotation"].subtypes
    assert MODEL["Share"].root == "Session"
    assert MODEL["Annotation"].is_abstract
    assert not MODEL["TagAnnotation"].is_abstract
    assert MODEL["Annotation"].find_field("textValue") is not None


def test_java_names_are_those_of_the_server() -> None:
    assert MODEL["Image"].java_name == "ome.model.core.Image"
    assert MODEL["TagAnnotation"].java_name == "ome.model.annotations.TagAnnotation"
    assert MODEL["Annotation"].java_name == "ome.model.annotations.Annotation"
    assert MODEL["Experimenter"].java_name == "ome.model.meta.Experimenter"


def test_global_classes_and_enumerations() -> None:
    assert MODEL["Experimenter"].is_global
    assert not MODEL["Experimenter"].is_enumeration
    assert MODEL["PixelsType"].is_enumeration
    assert not MODEL["Image"].is_global


@pytest.mark.parametrize(
    "name", ["Image", "ImageI", "ome.model.core.Image", "omero.model.ImageI", "::omero::model::Image"]
)
def test_find_class_by_the_names_of_clients(name: str) -> None:
    assert find_class(name) is MODEL["Image"]


@pytest.mark.parametrize("name", ["", "Imag", "I", "image", "ome.model.core.Nothing"])
def test_find_class_knows_nothing_else(name: str) -> None:
    assert find_class(name) is None
