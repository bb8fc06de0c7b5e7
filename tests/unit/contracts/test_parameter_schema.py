"""The JSON Schema that validates parameters and draws their form."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from contracts.descriptor_formats import read_descriptor
from contracts.parameter_schema import parameter_schema
from contracts.parameter_values import _WORDS
from contracts.workflow_descriptor import WorkflowDescriptor
from tests.unit.contracts.descriptor_texts import biaflows, bilayers, biomero, number, text

GOLDEN = """\
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Tracker",
  "description": "Tracks nuclei",
  "type": "object",
  "properties": {
    "radius": {
      "title": "radius",
      "description": "",
      "type": "number",
      "x-advanced": true,
      "default": 5,
      "x-order": 0
    },
    "method": {
      "title": "method",
      "description": "",
      "type": "string",
      "x-advanced": false,
      "enum": [
        "fast",
        "exact"
      ],
      "x-labels": [
        "Fast",
        "exact"
      ],
      "default": "fast",
      "x-order": 1
    },
    "seeds": {
      "title": "seeds",
      "description": "",
      "type": "array",
      "items": {
        "type": "integer",
        "minimum": 0
      },
      "minItems": 0,
      "maxItems": 1000,
      "uniqueItems": true,
      "x-files": true,
      "x-advanced": false,
      "x-formats": [
        "csv"
      ],
      "x-order": 2
    },
    "weights": {
      "title": "weights",
      "description": "",
      "type": "array",
      "items": {
        "type": "integer",
        "minimum": 0
      },
      "minItems": 0,
      "maxItems": 1,
      "uniqueItems": true,
      "x-files": true,
      "x-advanced": false,
      "x-order": 3
    }
  },
  "required": [],
  "additionalProperties": false
}"""


def workflow(descriptor: str) -> WorkflowDescriptor:
    found = read_descriptor(descriptor).descriptor
    assert found is not None
    return found


def test_the_schema_of_a_workflow() -> None:
    assert json.dumps(parameter_schema(workflow(biomero())), indent=2) == GOLDEN


def test_a_text_is_bounded_and_holds_no_nul() -> None:
    schema = parameter_schema(workflow(biaflows(text(), number(minimum=1, maximum=9))))
    assert schema["required"] == ["model"]
    model, radius = schema["properties"].values()
    assert (model["maxLength"], model["minLength"], model["pattern"]) == (16384, 1, r"^[^\u0000]*$")
    assert (radius["minimum"], radius["maximum"]) == (1, 9)


def test_what_has_a_default_need_not_be_given() -> None:
    assert parameter_schema(workflow(biaflows(number(optional=False))))["required"] == []
    assert parameter_schema(workflow(biaflows(number(optional=False, **{"default-value": ...}))))["required"] == [
        "radius"
    ]


def test_every_schema_is_one() -> None:
    for descriptor in (biaflows(number(), text()), biomero(), bilayers()):
        Draft202012Validator.check_schema(parameter_schema(workflow(descriptor)))


def test_every_keyword_that_can_refuse_a_value_has_words() -> None:
    refusing = {"type", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength"}
    refusing |= {"minItems", "maxItems", "uniqueItems"}
    silent = {"title", "description", "default", "items"}
    used: set[str] = set()
    for descriptor in (biaflows(number(minimum=1, maximum=9), text()), biomero(), bilayers()):
        for schema in parameter_schema(workflow(descriptor))["properties"].values():
            used |= {keyword for keyword in schema if not keyword.startswith("x-")}
    assert used == refusing | silent
    assert set(_WORDS) == refusing
