"""Key-values fit OMERO's index, and nothing of them is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.key_values import LONGEST_KEY, LONGEST_VALUE, fit, split_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6000)


@given(TEXT)
def test_split_parts_fit_and_join_to_the_value(value: str) -> None:
    parts = split_value(value)
    assert "".join(parts) == value
    assert all(len(part.encode()) <= LONGEST_VALUE for part in parts)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4))
def test_every_pair_fits_postgresqls_index(pairs: list[tuple[str, str]]) -> None:
    for key, value in fit(pairs):
        assert len(key.encode()) <= LONGEST_KEY + len(" [9999]")
        assert len(value.encode()) <= LONGEST_VALUE
        assert "\0" not in key + value


def test_a_long_value_is_numbered() -> None:
    keys = [key for key, _ in fit([("Files", "µ" * 2500), ("User", "alice")])]
    assert keys == ["Files", "Files [2]", "Files [3]", "User"]


def test_a_long_key_stands_in_full_before_its_value() -> None:
    ((key, value),) = fit([("k" * 300, "v")])
    assert key.endswith("…")
    assert value == "k" * 300 + ": v"


def test_duplicates_and_order_stay() -> None:
    assert fit([("a", "1"), ("a", "2"), ("b", "")]) == (("a", "1"), ("a", "2"), ("b", ""))
