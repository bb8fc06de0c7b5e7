"""Rules of watched folders: what they match, what placeholders may become, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.batch.watch_rule import WatchRule
from contracts.destination import Destination, DestinationType


def rule(pattern: str = "scope/{user}/{day}/**/*.tif", **fields: object) -> WatchRule:
    return WatchRule.model_validate(
        {"group": "lab-a", "pattern": pattern, "user": "{user}", "dataset": "{day}", **fields}
    )


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("scope/{user}/{day}/**/*.tif", "scope/alice/monday/a.tif", {"user": "alice", "day": "monday"}),
        ("scope/{user}/{day}/**/*.tif", "scope/alice/monday/x/y/a.tif", {"user": "alice", "day": "monday"}),
        ("scope/{user}/{day}/**/*.tif", "scope/alice/a.tif", None),
        ("scope/{user}/{day}/**/*.tif", "other/alice/monday/a.tif", None),
        ("scope/{user}/{day}/**/*.tif", "scope/alice/monday/a.tiff", None),
        ("{user}_{day}.tif", "a_b_c.tif", {"user": "a", "day": "b_c"}),
        ("(x)/{user}/{day}/*.t?f", "(x)/a/b/c.t?f", {"user": "a", "day": "b"}),
        ("(x)/{user}/{day}/*.t?f", "(x)/a/b/c.tif", None),
    ],
)
def test_what_a_pattern_is_for(pattern: str, path: str, values: dict[str, str] | None) -> None:
    assert rule(pattern).match(path) == values


@pytest.mark.parametrize(
    "wrong",
    [
        {"pattern": "/etc/{user}/{day}/*.tif"},
        {"pattern": "../{user}/{day}/*.tif"},
        {"pattern": "{user}/{day}/.hidden/*.tif"},
        {"pattern": "{user}/{user}/{day}.tif"},
        {"pattern": "{user}/{day}/**"},
        {"pattern": "{user}/{day}/a**/b.tif"},
        {"pattern": "{user}/{day}/\n.tif"},
        {"dataset": "{week}"},
        {"dataset": "{day"},
        {"dataset": None},
        {"screen": "S"},
        {"end_marker": "../done"},
        {"end_marker": "{day}.done"},
        {"settle_minutes": -1},
        {"look_back_days": 0},
    ],
)
def test_what_is_no_rule(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)  # type: ignore[arg-type]


def test_a_folder_that_is_called_like_an_id_is_a_name() -> None:
    """Whoever names folders must not choose other people's datasets."""
    row = rule(project="{day}").make_row("scope/alice/id:12/a.tif", {"user": "alice", "day": "id:12"})
    assert row.destination == Destination(type=DestinationType.DATASET, name="id:12", project="id:12")


def test_a_value_that_looks_like_a_placeholder_stays_what_it_is() -> None:
    made = rule(key_values=[["Day", "{day} of {user}"]]).make_row("p.tif", {"user": "alice", "day": "{user}"})
    assert made.key_values == (("Day", "{user} of alice"),)


def test_names_that_fit_nothing_are_refused() -> None:
    with pytest.raises(ValueError):
        rule().make_row("p.tif", {"user": "ali\tce", "day": "monday"})
    with pytest.raises(ValueError):
        rule().make_row("p.tif", {"user": "alice", "day": "  "})


def test_end_markers_and_where_to_look() -> None:
    assert rule(end_marker="{stem}.done").marker_of("plate 7.ome.tif") == "plate 7.done"
    assert rule(end_marker="{name}.ok").marker_of("a.tif") == "a.tif.ok"
    assert rule().marker_of("a.tif") is None
    assert rule("a/b/{user}/{day}/*.tif").start == "a/b"
    assert rule("{user}/{day}/*.tif").start == ""


_PARTS = st.text("abc.*{}u0_/ ", min_size=1, max_size=20)


@given(_PARTS, st.text("abcu0_/. ", min_size=1, max_size=20))
def test_no_pattern_lets_a_placeholder_cross_a_folder(pattern: str, path: str) -> None:
    try:
        made = WatchRule(group="g", pattern=pattern, user="alice", dataset="D")
    except ValidationError:
        return
    values = made.match(path)
    assert all(value and "/" not in value for value in (values or {}).values())
    if values is not None:
        assert path.startswith(made.start)
