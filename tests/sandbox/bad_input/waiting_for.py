"""Waiting for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: On a loaded machine a flow run takes half a minute to begin.
PATIENCE_SECONDS = 400.0


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}"
        time.sleep(0.2)
    return found
