"""Users take turns; nobody's own sequence changes, and a queue that goes before another still does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.queue_turns import Due, take_turns


def order(users: str, running: str = "", queues: str | None = None) -> list[int]:
    due = [Due(user, queue) for user, queue in zip(users, queues or "q" * len(users), strict=True)]
    return take_turns(range(len(users)), due, running)


def test_one_order_does_not_wait_for_a_hundred() -> None:
    assert order("a" * 100 + "b")[:2] == [0, 100]


def test_who_has_nothing_running_comes_first() -> None:
    assert order("aab", running="aa") == [2, 0, 1]
    assert order("ab", running="b") == [0, 1]


def test_a_queue_of_higher_priority_stays_before_the_other() -> None:
    assert order("aaab", queues="hhlh") == [0, 3, 1, 2]


@given(st.text("abc", max_size=30), st.text("abcd", max_size=6))
def test_a_run_waits_for_others_as_often_as_for_its_own_users(users: str, running: str) -> None:
    taken = order(users, running)
    assert sorted(taken) == list(range(len(users)))
    for user in set(users):
        own = [index for index in taken if users[index] == user]
        assert own == sorted(own)
        for number, index in enumerate(own):
            ahead = [users[other] for other in taken[: taken.index(index)]]
            for other in set(users) - {user}:
                assert ahead.count(other) + running.count(other) <= max(
                    number + running.count(user) + 1, running.count(other)
                )
