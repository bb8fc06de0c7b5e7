"""Which conversion is proposed, and how each file of an order is converted."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.import_settings import Converter, ImportSettings
from contracts.preprocessing import Preprocessing
from contracts.source_file import SourceFile

BUILTIN = Preprocessing(converter="builtin")
LEICA = Preprocessing(converter="org/leica:v1", options={"image_uuid": "{series}"})


def settings() -> ImportSettings:
    return ImportSettings(
        converters={
            "ome-tiff": Converter(title="OME-TIFF", extensions=(".lif", ".ome.zip"), preprocessing=BUILTIN),
            "zip": Converter(title="Zip", extensions=(".zip",), preprocessing=LEICA),
        }
    )


@pytest.mark.parametrize(
    ("name", "proposed"),
    [("a.LIF", "ome-tiff"), ("a.zip", "zip"), ("a.ome.zip", "ome-tiff"), ("a.tif", None), ("lif", None)],
)
def test_the_longest_ending_decides(name: str, proposed: str | None) -> None:
    assert settings().proposed_for(name) == proposed


def test_a_converter_says_whether_it_extracts_one_image() -> None:
    assert all(converter.takes_series for converter in settings().converters.values())
    plain = Converter(title="x", preprocessing=Preprocessing(converter="org/x:v1", options={"a": "b"}))
    assert not plain.takes_series


@pytest.mark.parametrize("extension", ["lif", ".LIF", ".", ".a/b", ".a\0"])
def test_an_extension_is_the_end_of_a_name(extension: str) -> None:
    with pytest.raises(ValidationError):
        Converter(title="x", extensions=(extension,), preprocessing=BUILTIN)


def test_settings_survive_the_way_through_a_block() -> None:
    assert ImportSettings.model_validate_json(settings().model_dump_json()) == settings()
    assert ImportSettings().proposed_for("a.lif") == "ome-tiff"


def test_each_file_of_an_order_is_converted_in_its_own_way() -> None:
    files = (
        SourceFile(path="a.lif", series="1", preprocessing=LEICA),
        SourceFile(path="b.lif", preprocessing=BUILTIN),
        SourceFile(path="c.tif"),
    )
    destination = Destination(type=DestinationType.DATASET, name="x")
    order = ImportOrder(uuid=uuid4(), user="alice", group="lab-a", destination=destination, files=files)
    assert [order.preprocessing_of(file) for file in order.files] == [LEICA, BUILTIN, None]
    assert order.needs_containers
    assert ImportOrder.model_validate_json(order.model_dump_json()) == order
    assert not order.model_copy(update={"files": files[1:]}).needs_containers
    others = order.model_copy(update={"files": files[2:], "preprocessing": BUILTIN})
    assert others.preprocessing_of(files[2]) == BUILTIN
    with pytest.raises(ValidationError, match="needs preprocessing"):
        ImportOrder(
            uuid=uuid4(), user="a", group="g", destination=destination, files=(SourceFile(path="a", series="1"),)
        )
