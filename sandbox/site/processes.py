"""Processes of a site: which are alive, which belong to it, and how they are ended for good.

Every process the supervisor starts carries `OMERO_FLOWS_SITE_PROCESS=<home>` in its environment and
hands it on to its children. Whatever is left after a kill -9 of the supervisor, flow runs and web
workers included, is found by that mark; a reused process id never carries it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "OMERO_FLOWS_SITE_PROCESS"
SERVICE_MARK = "OMERO_FLOWS_SITE_SERVICE"


@dataclass(frozen=True)
class Process:
    """A process, told from a later one with the same id by the moment it began (clock ticks since boot)."""

    pid: int
    began: int


def find_process(pid: int) -> Process | None:
    """The process with this id; None when there is none or it is dead and only waits to be reaped.

    `kill -0` succeeds for a defunct process, therefore /proc/PID/stat is read (proc(5): field 3 is the
    state, 22 the start time; the name in field 2 may itself hold spaces and brackets).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZXx":
        return None
    return Process(pid, int(fields[19]))


def is_alive(process: Process) -> bool:
    return find_process(process.pid) == process


def find_marked(home: Path, service: str | None = None) -> list[Process]:
    """Every living process of the site in `home`, or of one service of it, but the calling one."""
    return find_carrying(f"{MARK}={home}", *([] if service is None else [f"{SERVICE_MARK}={service}"]))


def find_carrying(*assignments: str) -> list[Process]:
    """Every living process whose environment has all of these `NAME=value`, but the calling one."""
    wanted = {assignment.encode() for assignment in assignments}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if wanted <= set(environment.split(b"\0")) and (process := find_process(int(entry.name))):
            found.append(process)
    return found


def send(process: Process, number: signal.Signals) -> None:
    """Signal a process if it is still the same one."""
    if is_alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def wait_until_ended(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Wait at most `seconds`; return those that are still alive."""
    deadline = time.monotonic() + seconds
    left = [process for process in processes if is_alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if is_alive(process)]
    return left


def end_all(home: Path, service: str | None = None, *, grace: float = 5.0) -> int:
    """End what is left of the site in `home`, or of one service: ask with SIGTERM, then SIGKILL until none is found.

    A killed process may have just started another, so the search is repeated.

    Returns:
        how many processes were found.

    Raises:
        RuntimeError: some would not die (naming them).
    """
    seen: set[Process] = set()
    first = find_marked(home, service)
    for process in first:
        send(process, signal.SIGTERM)
    seen.update(first)
    wait_until_ended(first, grace)
    for _ in range(20):
        left = find_marked(home, service)
        if not left:
            return len(seen)
        seen.update(left)
        for process in left:
            send(process, signal.SIGKILL)
        wait_until_ended(left, 1.0)
    raise RuntimeError(f"these processes of {home} would not end: {[process.pid for process in left]}")
