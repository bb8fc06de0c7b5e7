"""Whose run is started next: users in turn, so that somebody's single file does not wait for somebody else's hundred
orders.

Who has fewest runs going on comes first, and of these who has waited for longest since a run of theirs was started;
of a user the run that has been due for longest. Runs of nobody (housekeeping) count as one user's.

Limits: each worker knows its own runs alone, and Prefect tells it of the 200 runs that have been due for longest:
whoever has more than that waiting keeps the others out of sight. Queues of a work pool keep the sequence of their
priorities.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

_Run = TypeVar("_Run")


class Due(NamedTuple):
    """A run that is due: its user and its queue."""

    user: str | None
    queue: Hashable


class QueueTurns:
    """The users of one worker, as long as it lives."""

    def __init__(self) -> None:
        self._starts = 0
        self._last: dict[str | None, int] = {}

    def note_start(self, user: str | None) -> None:
        """A run of the user was started."""
        self._starts += 1
        self._last[user] = self._starts

    def sort(self, runs: Sequence[_Run], due: Sequence[Due], running: Iterable[str | None]) -> list[_Run]:
        """The runs in the sequence in which they are to be started.

        `due`: of each run, in the same sequence. `running`: the users of those that run now, once for each.
        """
        going = Counter(running)
        last = dict(self._last)
        queues: dict[Hashable, dict[str | None, deque[_Run]]] = defaultdict(lambda: defaultdict(deque))
        for run, one in zip(runs, due, strict=True):
            queues[one.queue][one.user].append(run)
        taken: list[_Run] = []
        for waiting in queues.values():
            while waiting:
                user = min(waiting, key=lambda user: (going[user], last.get(user, 0)))
                taken.append(waiting[user].popleft())
                going[user] += 1
                last[user] = self._starts + len(taken)
                if not waiting[user]:
                    del waiting[user]
        return taken
