"""Conditions on tables beside what numpy says, and that no text is ever executed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.omero.table_conditions import ConditionError, select_rows

COLUMNS = {
    "x": np.arange(6),
    "y": np.array([0.0, 0.5, 1.0, np.nan, 2.0, -1.0]),
    "name": np.array(["a", "b", "a'b", 'c"', "", "é"]),
    "good": np.array([True, False] * 3),
}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("x > 3", [4, 5]),
        ("(x > 1) & (x < 4)", [2, 3]),
        ("(x == 0) | (x == 5) & (y < 0)", None),
        ("((x == 0) | (x == 5)) & (y < 1)", [0, 5]),
        ("good", [0, 2, 4]),
        ("~good", [1, 3, 5]),
        ("good == False", [1, 3, 5]),
        ("y != y", [3]),
        ("name == 'a\\'b'", [2]),
        ('name == "c\\""', [3]),
        ("name == ''", [4]),
        ("x + 1 == 2 * 2 - 1", [2]),
        ("-x <= -4", [4, 5]),
        ("x % 2 == 1", [1, 3, 5]),
        ("x / 2 > 2.4e0", [5]),
        ("x >= limit", [4, 5]),
    ],
)
def test_rows(condition: str, rows: list[int] | None) -> None:
    if rows is None:  # | and & join from left to right by rank: & first
        rows = [0, 5]
    assert select_rows(condition, COLUMNS, {"limit": 4}).nonzero()[0].tolist() == rows


@pytest.mark.parametrize(
    "condition",
    ["", "x", "x >", "(x > 1", "x > 1)", "x ** 2 > 1", "x > 'a'", "name > 1", "x > 1 & good", "0 < x < 3", "not good",
     "good and good", "unknown > 1", "x > 1; import os", "__import__('os')", "x.shape", "lambda: 1", "[x]"],
)  # fmt: skip
def test_refusals(condition: str) -> None:
    with pytest.raises(ConditionError):
        select_rows(condition, COLUMNS, {})


@given(st.text(max_size=40))
def test_any_text_is_answered_or_refused(text: str) -> None:
    try:
        chosen = select_rows(text, COLUMNS, {})
    except ConditionError:
        return
    assert chosen.shape == (6,)


@given(st.integers(-10, 10), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_comparisons_as_numpy_makes_them(limit: int, sign: str) -> None:
    operators = {
        "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal,
        "!=": np.not_equal,
    }  # fmt: skip
    expected = operators[sign](COLUMNS["x"], limit)
    np.testing.assert_array_equal(select_rows(f"x {sign} {limit}", COLUMNS, {}), expected)


@pytest.mark.parametrize("nested", [20, 2000])
def test_brackets_in_brackets(nested: int) -> None:
    condition = "(" * nested + "x > 1" + ")" * nested
    try:
        assert select_rows(condition, COLUMNS, {}).sum() == 4
    except ConditionError:
        assert nested > 20
