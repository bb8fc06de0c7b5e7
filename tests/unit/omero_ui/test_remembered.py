"""What Prefect said a moment ago."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest

from omero_ui.prefect_api.remembered import Remembered
from omero_ui.runs.visible import seen_alike
from tests.unit.omero_ui.test_visible_runs import PRIVATE, READABLE, visitor


def test_an_answer_is_asked_for_once_and_again_when_it_is_old() -> None:
    fresh, old = Remembered[int](1000.0), Remembered[int](0.0)
    assert [fresh.get("a", lambda: 1), fresh.get("a", lambda: 2), fresh.get("b", lambda: 3)] == [1, 1, 3]
    assert [old.get("a", lambda: 1), old.get("a", lambda: 2)] == [1, 2]


def test_of_many_only_those_are_asked_for_that_are_not_known() -> None:
    remembered, asked = Remembered[str](1000.0), []

    def ask(keys: Sequence[Hashable]) -> dict[Hashable, str]:
        asked.append(list(keys))
        return {key: str(key) * 2 for key in keys if key != "none"}

    assert remembered.get_all(["a", "b"], ask) == {"a": "aa", "b": "bb"}
    assert remembered.get_all(["b", "c", "none"], ask) == {"b": "bb", "c": "cc"}
    assert remembered.get_all(["a", "c", "none"], ask) == {"a": "aa", "c": "cc"}
    assert asked == [["a", "b"], ["c", "none"], ["none"]]


def test_a_failure_is_not_remembered() -> None:
    remembered = Remembered[int](1000.0)
    with pytest.raises(ZeroDivisionError):
        remembered.get("a", lambda: 1 // 0)
    assert remembered.get("a", lambda: 2) == 2


def test_the_oldest_answers_are_forgotten() -> None:
    remembered = Remembered[int](1000.0, most=2)
    for number in range(3):
        remembered.get(number, lambda number=number: number)
    assert [remembered.get(key, lambda: -1) for key in (2, 1, 0)] == [2, 1, -1]


def test_nobody_gets_what_was_remembered_for_who_sees_other_runs() -> None:
    visitors = [
        visitor("alice", READABLE),
        visitor("bob", READABLE),
        visitor("alice"),
        visitor("root", READABLE, is_admin=True),
    ]
    assert len({seen_alike(one) for one in visitors}) == len(visitors)
    assert seen_alike(visitor("alice", READABLE, PRIVATE)) == seen_alike(visitor("alice", READABLE))
    assert seen_alike(visitor("root", is_admin=True)) == seen_alike(visitor("boss", READABLE, is_admin=True))
