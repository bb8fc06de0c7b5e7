"""The last line of a converter's output."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.preprocessing import read_converter_outputs


def test_several_outputs_each_with_its_own_key_values() -> None:
    line = json.dumps(
        [
            {
                "name": "a.ome.tiff",
                "full_path": "/data/.processed/a.ome.tiff",
                "alt_path": "/out/a.ome.tiff",
                "keyvalues": [{"Window": "0-255", "Levels": 3}, {"Window": "1-9"}],
                "extra": True,
            },
            {"name": "b", "full_path": "/data/.processed/b", "alt_path": None, "keyvalues": {"k": None}},
        ]
    )
    first, second = read_converter_outputs(line)
    assert first.keyvalues == (("Window", "0-255"), ("Levels", "3"), ("Window", "1-9"))
    assert second.alt_path is None and second.keyvalues == (("k", "null"),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Done.", "not JSON"),
        ("", "not JSON"),
        ("{}", "not a list"),
        ("[]", "not a list"),
        ("null", "not a list"),
        ("[1]", "not an object"),
        ('[{"name": "x"}]', "full_path"),
        ('[{"name": "", "full_path": "/x"}]', "name"),
        ('[{"name": "x", "full_path": 3}]', "full_path"),
        ('[{"name": "x", "full_path": "/x", "keyvalues": 3}]', "keyvalues"),
        ('[{"name": "x", "full_path": "/x"}, {"name": "y", "full_path": "/x"}]', "same full_path"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_rubbish_is_refused_in_words(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_converter_outputs(line)


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)
)
def test_any_line_is_outputs_or_a_value_error(line: str) -> None:
    try:
        outputs = read_converter_outputs(line)
    except ValueError:
        return
    assert outputs
