"""Looks at this host's processes, and waits on evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sandbox.site.processes import find_process


def wait_until(look: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look again and again until it is so. The time ends a test that hangs and measures nothing."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s"
        time.sleep(0.1)


def count_processes(command: str) -> int:
    """How many living processes of the whole host have this command line."""
    line = command.encode()
    return len(_find(lambda process: (process / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ") == line))


def processes_of(user_id: int) -> list[int]:
    """The ids of the living processes a user of the host has."""
    return _find(lambda process: process.stat().st_uid == user_id)


def _find(wanted: Callable[[Path], bool]) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted(process) and find_process(int(process.name)) is not None:
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
