"""Whose turn it is: users in rotation, so that somebody's ten files do not wait for somebody else's ten thousand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

_Order = TypeVar("_Order", bound=Hashable)


class Turns(Generic[_Order]):
    """The files of all orders that are still to be begun: of a user the orders in sequence, of an order the files."""

    def __init__(self, orders: Iterable[tuple[str, _Order, int]]) -> None:
        """`orders`: each with its user and how many files it has."""
        self._waiting: dict[str, dict[_Order, deque[int]]] = {}
        self._rotation: deque[str] = deque()
        for user, order, files in orders:
            self._add(user, order, range(files))

    @property
    def is_empty(self) -> bool:
        return not self._rotation

    def take(self, may: Callable[[_Order], bool]) -> tuple[_Order, int] | None:
        """The next file, as its order and index, of an order that may go on; None when there is none of these."""
        for _ in range(len(self._rotation)):
            user = self._rotation[0]
            self._rotation.rotate(-1)
            orders = self._waiting[user]
            order = next((order for order in orders if may(order)), None)
            if order is None:
                continue
            index = orders[order].popleft()
            if not orders[order]:
                del orders[order]
            if not orders:
                del self._waiting[user]
                self._rotation.remove(user)
            return order, index
        return None

    def put_back(self, user: str, order: _Order, index: int) -> None:
        """A file that could not be begun comes first again of its order, and its order last of its user."""
        files = self._waiting.get(user, {}).pop(order, deque())
        self._add(user, order, [index, *files])

    def _add(self, user: str, order: _Order, files: Iterable[int]) -> None:
        indices = deque(files)
        if not indices:
            return
        if user not in self._waiting:
            self._waiting[user] = {}
            self._rotation.append(user)
        self._waiting[user][order] = indices
