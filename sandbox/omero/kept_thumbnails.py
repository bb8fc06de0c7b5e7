"""Finished thumbnails in memory, so that scrolling through a dataset does not read every image again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

#: How many are kept; a thumbnail has a few kilobytes.
KEPT_THUMBNAILS = 2000


class KeptThumbnails:
    """Thumbnails drawn before, by everything that they depend on; the least recently used are dropped."""

    def __init__(self, capacity: int = KEPT_THUMBNAILS) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Any, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], bytes]) -> bytes:
        """The thumbnail for the key; made where there is none. Two callers may make the same one at once."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return made
