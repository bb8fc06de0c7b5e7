"""Forms on the command line: what is typed arrives as it was meant, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.filled_forms import MOST_BYTES, read_filled_forms
from contracts.failures import FailureCategory, FailureError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(min_size=1).filter(lambda name: "=" not in name and not name.endswith(":") and name == name.strip())


def refusal(name: str | None, fields: list[str], file: Path | None = None) -> str:
    with pytest.raises(FailureError) as raised:
        read_filled_forms(name, fields, file)
    assert raised.value.failure.category is FailureCategory.BAD_REQUEST
    return f"{raised.value.failure.summary} {raised.value.failure.detail}"


@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_what_is_json_arrives_as_it_is(values: dict[str, Any]) -> None:
    fields = [f"{name}:={json.dumps(value)}" for name, value in values.items()]
    assert read_filled_forms("a form", fields, None) == [{"form": "a form", "values": values}]


@given(NAMES, st.text())
def test_text_is_never_taken_for_anything_else(name: str, text: str) -> None:
    assert read_filled_forms("a form", [f"{name}={text}"], None) == [{"form": "a form", "values": {name: text}}]


def test_a_file_fills_in_several_forms_beside_the_one_that_is_typed(tmp_path: Path) -> None:
    file = tmp_path / "forms.json"
    file.write_text('{"first": {"number": 1}, "second": {}}', "utf-8")
    assert read_filled_forms("third", ["a=b=c"], file) == [
        {"form": "first", "values": {"number": 1}},
        {"form": "second", "values": {}},
        {"form": "third", "values": {"a": "b=c"}},
    ]
    assert read_filled_forms(None, [], None) == []
    assert "filled in twice" in refusal("first", [], file)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (["stain"], "is not key=text"),
        (["=DAPI"], "is not key=text"),
        ([":=1"], "is not key=text"),
        (["stain=DAPI", "stain=Hoechst"], "filled in twice"),
        (["number:=one"], "is no JSON"),
        (["number:=NaN"], "NaN is not in JSON"),
        (['both:={"a": 1, "a": 2}'], "'a' comes twice"),
        (["deep:=" + "[" * 100_000], "is no JSON"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: list[str], said: str) -> None:
    assert said in refusal("a form", fields)


def test_a_field_without_a_form_is_refused() -> None:
    assert "none is named" in refusal(None, ["stain=DAPI"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[]", "does not hold forms"),
        (b'{"a form": "text"}', "does not hold forms"),
        (b'{"a form": {}, "a form": {}}', "'a form' comes twice"),
        (b"\xff", "cannot be read"),
        (b" " * (MOST_BYTES + 1), "more than"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "forms.json").write_bytes(content)
    assert said in refusal(None, [], tmp_path / "forms.json")
    assert "cannot be read" in refusal(None, [], tmp_path / "none.json")
