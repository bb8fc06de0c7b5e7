"""Users take turns; nobody's file is lost or done twice, whatever is put back."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tasks.batch_turns import Turns


def take_all(turns: Turns[str]) -> list[tuple[str, int]]:
    taken = []
    while (turn := turns.take(lambda order: True)) is not None:
        taken.append(turn)
    return taken


def test_ten_files_do_not_wait_for_ten_thousand() -> None:
    turns = Turns([("alice", "a1", 10_000), ("alice", "a2", 2), ("bob", "b1", 3)])
    first = [order for order, _ in (turns.take(lambda order: True) or ("", 0) for _ in range(6))]
    assert first == ["a1", "b1", "a1", "b1", "a1", "b1"]


def test_an_order_that_may_not_go_on_holds_up_nobody() -> None:
    turns = Turns([("alice", "busy", 2), ("alice", "free", 1), ("bob", "b1", 1)])
    taken = [turns.take(lambda order: order != "busy") for _ in range(3)]
    assert taken == [("free", 0), ("b1", 0), None]
    assert not turns.is_empty
    assert take_all(turns) == [("busy", 0), ("busy", 1)]


@given(
    st.lists(st.tuples(st.sampled_from(["alice", "bob", "carol"]), st.integers(0, 5)), max_size=8),
    st.integers(0, 1 << 32),
)
def test_every_file_has_one_turn(sizes: list[tuple[str, int]], seed: int) -> None:
    chance = random.Random(seed)
    orders = [(user, f"{user} {number}", files) for number, (user, files) in enumerate(sizes)]
    owner = {order: user for user, order, _ in orders}
    turns, done = Turns(orders), []
    while (turn := turns.take(lambda order: True)) is not None:
        if chance.random() < 0.3:
            turns.put_back(owner[turn[0]], *turn)
        else:
            done.append(turn)
    assert turns.is_empty
    assert sorted(done) == sorted((order, index) for _, order, files in orders for index in range(files))
