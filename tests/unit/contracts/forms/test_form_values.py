"""Forms and what is filled in are judged in sentences that name the field and the way out."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from contracts.forms.differences import compare_schemas, compare_values
from contracts.forms.form_schema import check_name, check_schema, parse_schema
from contracts.forms.form_values import _SENTENCES, DEEPEST, check_values, in_form_order
from contracts.forms.key_values import key_values
from tests.unit.contracts.forms.test_storage import VALUES

SAMPLE: dict[str, Any] = {
    "type": "object",
    "title": "Sample",
    "required": ["organism"],
    "additionalProperties": False,
    "properties": {
        "organism": {"title": "Organism", "type": "string", "enum": ["human", "mouse"]},
        "passage": {"title": "Passage", "type": "integer", "minimum": 1, "maximum": 99},
        "day": {"title": "Day", "type": "string", "format": "date"},
        "siRNA": {"title": "siRNA", "type": "string", "pattern": "^[ACGU]+$", "maxLength": 30},
        "antibodies": {
            "title": "Antibodies",
            "type": "array",
            "maxItems": 2,
            "items": {"$ref": "#/definitions/antibody"},
        },
    },
    "definitions": {
        "antibody": {
            "type": "object",
            "required": ["target"],
            "properties": {
                "target": {"title": "Target", "type": "string", "minLength": 1},
                "dilution": {"type": "number"},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"organism": "human"}, []),
        ({"organism": "human", "passage": 3, "day": "2026-11-24", "antibodies": [{"target": "LAMP1"}]}, []),
        ({}, ["Organism: It is missing. Fill it in."]),
        ({"organism": "cat"}, ["Organism: 'cat' is not among the choices: 'human', 'mouse'. Choose one of them."]),
        ({"organism": "human", "passage": 0}, ["Passage: 0 is less than 1. Change it."]),
        ({"organism": "human", "passage": True}, ["Passage: It must be an integer, not True. Change it."]),
        ({"organism": "human", "day": "yesterday"}, ["Day: 'yesterday' is no date. Change it."]),
        ({"organism": "human", "colour": 1}, ["colour: The form does not know this field. Leave it out."]),
        (
            {"organism": "human", "siRNA": "xyz"},
            ["siRNA: 'xyz' does not have the form that is asked for: ^[ACGU]+$ Change it."],
        ),
        (
            {"organism": "human", "antibodies": [{"target": "A"}, {"dilution": "1:500"}]},
            [
                "Antibodies 2 > dilution: It must be a number, not '1:500'. Change it.",
                "Antibodies 2 > Target: It is missing. Fill it in.",
            ],
        ),
        ({"organism": "human", "antibodies": [{"target": "A"}] * 3}, ["Antibodies: It has 3 entries, more than 2."]),
        ({"organism": "hu\0man"}, ["Organism: It has a NUL character."]),
        ({"organism": "\ud800"}, ["Organism: It is no valid Unicode"]),
        ({"organism": "human", "passage": 2**70}, ["Passage: It is an integer of more than 64 bits."]),
    ],
)
def test_each_problem_names_the_field_and_the_way_out(values: dict[str, Any], told: list[str]) -> None:
    problems = [str(problem) for problem in check_values(SAMPLE, values)]
    assert len(problems) == len(told), problems
    assert all(problem.startswith(sentence) for problem, sentence in zip(problems, told, strict=True)), problems


def test_one_sentence_for_every_keyword_that_can_refuse() -> None:
    silent = {
        "$ref",
        "$dynamicRef",
        "allOf",
        "if",
        "properties",
        "patternProperties",
        "prefixItems",
        "dependentSchemas",
    }
    known: set[str] = {""}
    for dialect in (jsonschema.Draft4Validator, jsonschema.Draft7Validator, jsonschema.Draft202012Validator):
        known |= set(dialect.VALIDATORS)
    assert set(_SENTENCES) == known - silent


def test_forms_of_every_age_are_read() -> None:
    old = {"type": "object", "properties": {"a": {"type": "number", "minimum": 0, "exclusiveMinimum": True}}}
    assert [str(problem) for problem in check_values(old, {"a": 0})] == ["a: 0 is less than 0. Change it."]
    new = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"prefixItems": [{"type": "integer"}], "items": False}},
    }
    assert check_values(new, {"a": [1]}) == ()
    assert len(check_values(new, {"a": [1, 2]})) == 1


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:1/schema"}}},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"properties": {"a": {"type": "nothing"}}},
        {"$schema": 5, "properties": 7},
    ],
)
def test_a_form_that_is_wrong_itself_lets_nothing_be_saved_and_fetches_nothing(schema: dict[str, Any]) -> None:
    assert check_values(schema, {"a": {"b": 1}})
    assert check_schema({"type": "object", "properties": {"x": {}}} | schema)


def test_values_have_an_end() -> None:
    deep: Any = 1
    for _ in range(DEEPEST + 5):
        deep = {"a": deep}
    assert "nested deeper" in str(check_values({"type": "object"}, deep)[0])
    assert "bytes" in str(check_values({"type": "object"}, {"a": "x" * (1 << 20)})[0])


@settings(max_examples=50)
@given(schema=VALUES, values=VALUES)
def test_no_schema_and_no_values_break_the_judge(schema: dict[str, Any], values: dict[str, Any]) -> None:
    for problem in (*check_values(schema, values), *check_schema(schema)):
        assert problem.what and problem.where
    compare_schemas(schema, values)
    compare_values(schema, values, schema)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"type": "integer", "default": "x"}, "not of type"),
        ({"$ref": "https://example.org/x.json"}, "It refers to"),
        ({"$ref": "#/definitions/b"}, "ring"),
        ({"type": "array", "items": {"$ref": "#"}}, "It refers to"),
        ({"type": "thing"}, "not valid"),
    ],
)
def test_a_form_that_cannot_be_drawn_or_checked_is_refused(part: dict[str, Any], told: str) -> None:
    ring = {"b": {"type": "object", "properties": {"c": {"$ref": "#/definitions/d"}}}, "d": {"$ref": "#/definitions/b"}}
    schema = {"type": "object", "properties": {"a": part}}
    problems = check_schema(schema | ({"definitions": ring} if "ring" in told else {}))
    assert any(told in str(problem) for problem in problems), problems


def test_a_good_form_and_good_names() -> None:
    assert check_schema(SAMPLE) == ()
    assert [check_name(name) is None for name in ("REMBI sample (v2)", "a", "", "a/b", "50%", "ü", "x" * 81, " a")] == [
        True,
        True,
    ] + [False] * 6
    assert parse_schema('{"type": "object"}') == {"type": "object"}
    for text in ('{"a": 1,}', "[]", '{"a": NaN}', "[" * 100_000, "\ud800"):
        assert not isinstance(parse_schema(text), dict)


def test_differences_are_told_in_words() -> None:
    after = {
        **SAMPLE,
        "required": ["organism", "passage"],
        "properties": {
            **{key: value for key, value in SAMPLE["properties"].items() if key != "day"},
            "organism": {"title": "Organism", "type": "string", "enum": ["human", "yeast"]},
            "passage": {"title": "Passage", "type": "integer", "minimum": 2, "maximum": 99},
            "medium": {"type": "string"},
        },
    }
    assert compare_schemas(SAMPLE, after) == (
        "'Organism': choices without 'mouse', now with 'yeast'.",
        "'Passage' must now be filled in.",
        "'Passage': smallest value 1 -> 2.",
        "'Day' was removed.",
        "'medium' is new.",
    )
    assert [
        str(item)
        for item in compare_values(
            SAMPLE,
            {"organism": "human", "passage": 3, "antibodies": [{"target": "A"}]},
            {"organism": "mouse", "antibodies": [{"target": "A"}, {"target": "B", "dilution": 0.5}]},
        )
    ] == [
        "Organism: human -> mouse",
        "Passage: 3 (removed)",
        "Antibodies 2: target: B, dilution: 0.5 (new)",
    ]


def test_key_values_as_omero_forms_writes_them() -> None:
    values = {"a": {"b": 1, "c": ["x", "y"]}, "d": [{"e": True}, {"e": 0.5}], "f": None, "g": "µ" * 2000}
    pairs = key_values(values)
    assert pairs[:-1] == (("a_b", "1"), ("a_c", "x"), ("a_c", "y"), ("d_e", "True"), ("d_e", "0.5"))
    assert pairs[-1][1].endswith("µ…") and len(pairs[-1][1].encode()) <= 1024


def test_values_stand_in_the_sequence_of_the_fields() -> None:
    schema = {"properties": {"b": {"properties": {"y": {}, "x": {}}}, "a": {}, "list": {}}}
    ordered = in_form_order(schema, {"other": 1, "a": 2, "list": [3], "b": {"x": 4, "y": 5}})
    assert json.dumps(ordered) == json.dumps({"b": {"y": 5, "x": 4}, "a": 2, "list": [3], "other": 1})
