"""Whose run is started next: users in turn, so that somebody's single file does not wait for somebody else's hundred
orders.

Prefect tells a worker of the 200 runs that have been due for longest, in that sequence. Among these a run waits for as
many runs of each other user as its own user has before it, and no more. Runs of nobody (housekeeping) count as one
user's. Queues of a work pool keep the sequence that Prefect gives them by their priorities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

_Run = TypeVar("_Run")


class Due(NamedTuple):
    """A run that is due: its user and its queue."""

    user: str | None
    queue: Hashable


def take_turns(runs: Sequence[_Run], due: Sequence[Due], running: Iterable[str | None]) -> list[_Run]:
    """The runs in the sequence in which they are started.

    `due`: of each run, in the same sequence. `running`: the users of those that run now, once for each.
    """
    before: Counter[str | None] = Counter(running)
    queues: dict[Hashable, int] = {}
    ranks = []
    for one in due:
        ranks.append((queues.setdefault(one.queue, len(queues)), before[one.user]))
        before[one.user] += 1
    return [run for _, run in sorted(zip(ranks, runs, strict=True), key=lambda ranked: ranked[0])]
