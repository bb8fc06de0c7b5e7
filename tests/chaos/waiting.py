"""Waiting on evidence: no test of this ring sleeps for a time and hopes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: Seconds. Generous on purpose: it ends a test that hangs and measures nothing. Longer than the slowest way back:
#: Prefect's worker dies when a run that it still counts as its own is scheduled again ("already holding"), and what it
#: had taken goes back to the queue after three minutes.
LONG = 600.0
GLANCE = 0.1
#: Where Prefect's server is asked for what stays as it is: ten questions a second take it a sixth of a processor.
PREFECT_GLANCE = 0.5


def wait_for(
    what: str,
    look: Callable[[], Found | None],
    *,
    seconds: float = LONG,
    explain: Callable[[], str] = lambda: "",
    glance: float = GLANCE,
) -> Found:
    """Look again and again until there is something (neither None, False nor empty), and return it.

    Raises:
        AssertionError: it did not come; `explain` adds what is known then.
    """
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}\n{explain()}"
        time.sleep(glance)
