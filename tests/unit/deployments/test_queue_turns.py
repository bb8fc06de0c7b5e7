"""Users take turns, however many of them there are; nobody's own sequence changes."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.queue_turns import Due, QueueTurns


def order(users: str, running: str = "", queues: str | None = None) -> list[int]:
    due = [Due(user, queue) for user, queue in zip(users, queues or "q" * len(users), strict=True)]
    return QueueTurns().sort(range(len(users)), due, running)


def started_as(user: str, users: str, places: int) -> int:
    """As which run the user's first one is started, by a worker with so many places whose runs end one by one."""
    turns, running, waiting = QueueTurns(), deque[str](), list(range(len(users)))
    for number in range(1, len(users) + 1):
        if len(running) == places:
            running.popleft()
        index = turns.sort(waiting, [Due(users[index], "q") for index in waiting], running)[0]
        waiting.remove(index)
        turns.note_start(users[index])
        running.append(users[index])
        if users[index] == user:
            return number
    raise AssertionError(user)


@pytest.mark.parametrize(
    ("users", "places"),
    [("a" * 20 + "b", 1), ("a" * 20 + "b" * 20 + "c", 2), ("abcd" * 20 + "e", 4), ("a" * 100 + "b", 4)],
)
def test_one_order_waits_for_one_of_each_other_user(users: str, places: int) -> None:
    assert started_as(users[-1], users, places) <= len(set(users))


def test_who_has_nothing_running_comes_first() -> None:
    assert order("aab", running="aa") == [2, 0, 1]
    assert order("ab", running="b") == [0, 1]


def test_a_queue_of_higher_priority_stays_before_the_other() -> None:
    assert order("aaab", queues="hhlh") == [0, 3, 1, 2]


@given(st.text("abcde", min_size=1, max_size=30), st.integers(1, 5))
def test_the_first_of_each_user_waits_for_one_of_each_other(users: str, places: int) -> None:
    for user in set(users):
        assert started_as(user, users, places) <= len(set(users))


@given(st.text("abc", max_size=30), st.text("abcd", max_size=6))
def test_every_run_has_its_turn_after_its_users_earlier_ones(users: str, running: str) -> None:
    taken = order(users, running)
    assert sorted(taken) == list(range(len(users)))
    for user in set(users):
        own = [index for index in taken if users[index] == user]
        assert own == sorted(own)
