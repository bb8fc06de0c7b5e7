"""OMERO's metadata of pixels in our units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from omero.model.enums import UnitsLength

from contracts.staging_plan import ImageChannel
from tasks.input_queries import SeenChannel, SeenImage
from tasks.pixel_metadata import describe_pixels, length_in


@pytest.mark.parametrize(
    ("value", "unit", "micrometres"),
    [
        (0.1625, "MICROMETER", 0.1625),
        (162.5, "NANOMETER", 0.1625),
        (1.0, "MILLIMETER", 1000.0),
        (1.0, "ANGSTROM", 1e-4),
        (1.0, "INCH", 25_400.0),
        (1.0, "PIXEL", None),
        (1.0, "REFERENCEFRAME", None),
        (0.0, "MICROMETER", None),
        (-1.0, "NANOMETER", None),
        (float("nan"), "MICROMETER", None),
        (float("inf"), "MILLIMETER", None),
        (None, "MICROMETER", None),
    ],
)
def test_lengths(value: float | None, unit: str, micrometres: float | None) -> None:
    found = length_in({"value": value, "unit": unit, "symbol": ""}, UnitsLength.MICROMETER)
    assert found == (None if micrometres is None else pytest.approx(micrometres))


def test_no_length() -> None:
    assert length_in(None, UnitsLength.MICROMETER) is None


def image(**changes: Any) -> SeenImage:
    fields: dict[str, Any] = {
        "id": 1, "name": "a", "group": 1, "group_name": "lab", "acquired_ms": None, "fileset": None, "pixels": 2,
        "sizes": (6, 5, 4, 3, 2), "type": "uint8", "lengths": (None, None, None),
    }  # fmt: skip
    return SeenImage(**fields | changes)


def test_channels_that_omero_does_not_describe() -> None:
    nanometres = {"value": 461.0, "unit": "NANOMETER", "symbol": "nm"}
    known = [
        SeenChannel("DAPI", (1, 2, 3, None), nanometres, None),
        SeenChannel("", (1, None, 3, 4), None, {"value": -1.0, "unit": "NANOMETER", "symbol": "nm"}),
    ]
    described = describe_pixels(image(), known)
    assert described.channels == (
        ImageChannel(name="DAPI", colour=(1, 2, 3, 255), emission_nm=461.0),
        ImageChannel(),
        ImageChannel(),
    )
    assert (described.size_x, described.size_z, described.size_t) == (6, 4, 2)
    assert len(describe_pixels(image(), known * 3).channels) == 3


def test_moments_are_in_utc() -> None:
    assert describe_pixels(image(acquired_ms=0), []).acquired == datetime(1970, 1, 1, tzinfo=UTC)
