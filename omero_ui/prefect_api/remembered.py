"""What Prefect said a moment ago, for questions that take it long and whose answers may be some seconds old."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import Generic, TypeVar

Answered = TypeVar("Answered")


class Remembered(Generic[Answered]):
    """Answers by what they depend on, for `fresh` seconds each; of at most `most` of them.

    A key has all that an answer depends on. Where that is what a visitor may see, it is the very tags that Prefect was
    asked for: nobody gets an answer made for others who may see more. A failure is not remembered.
    """

    def __init__(self, fresh: float, most: int = 200) -> None:
        self._fresh, self._most = fresh, most
        self._lock = Lock()
        self._answers: dict[Hashable, tuple[float, Answered]] = {}

    def get(self, key: Hashable, ask: Callable[[], Answered]) -> Answered:
        """The answer to `key`; `ask` is called when there is none that is fresh. Two who ask at once both do."""
        known = self.known(key)
        if known is not None:
            return known
        began, answer = time.monotonic(), ask()
        self._keep(key, began, answer)
        return answer

    def get_all(
        self, keys: Iterable[Hashable], ask: Callable[[list[Hashable]], Mapping[Hashable, Answered]]
    ) -> dict[Hashable, Answered]:
        """The answers to many keys, with one question for those that are not known. What it leaves out is not there."""
        found, unknown = {}, []
        for key in keys:
            known = self.known(key)
            if known is None:
                unknown.append(key)
            else:
                found[key] = known
        if unknown:
            began = time.monotonic()
            for key, answer in ask(unknown).items():
                self._keep(key, began, answer)
                found[key] = answer
        return found

    def known(self, key: Hashable) -> Answered | None:
        """The answer to `key`, if there is one that is fresh."""
        with self._lock:
            known = self._answers.get(key)
        return known[1] if known is not None and time.monotonic() - known[0] < self._fresh else None

    def _keep(self, key: Hashable, began: float, answer: Answered) -> None:
        with self._lock:
            self._answers.pop(key, None)  # the oldest stand first
            self._answers[key] = (began, answer)
            while len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]
