"""The exported schemas refuse what the contracts refuse."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.schemas import EXPORTED, json_schema

ORDER: dict[str, Any] = {
    "uuid": "7a3c2b0e-6f0e-4f6e-9a51-0d8d4c0f5c11",
    "user": "alice",
    "group": "lab-a",
    "destination": {"type": "Dataset", "name": "siRNA 7"},
    "files": [{"path": "night/a.tif"}],
}


@pytest.mark.parametrize("name", EXPORTED)
def test_each_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json_schema(name))


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"unknown": 1}, False),
        ({"user": 7}, False),
        ({"user": "al\nice"}, False),
        ({"files": []}, False),
        ({"uuid": None}, False),
        ({"engine": "omero-cli"}, True),
        ({"engine": "java"}, False),
    ],
)
def test_an_order_is_judged_as_the_contract_judges_it(change: dict[str, Any], good: bool) -> None:
    order = ORDER | change
    assert Draft202012Validator(json_schema("import-order")).is_valid(order) is good
    try:
        EXPORTED["import-order"].model_validate(order)
        taken = True
    except ValueError:
        taken = False
    assert taken is good
