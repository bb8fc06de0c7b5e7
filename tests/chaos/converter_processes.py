"""The built-in converter's process of an order, found by its working folder, which is the order's partial output."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.chaos.placed_orders import PlacedOrder
from tests.chaos.waiting import wait_for


def processes_in(folders: set[Path]) -> list[int]:
    """Processes whose working folder lies in one of these; a removed folder's name ends in ` (deleted)`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            where = (entry / "cwd").readlink()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if any(where.is_relative_to(folder) for folder in folders):
            found.append(int(entry.name))
    return found


def pause_converter(placed: PlacedOrder, folder: Path) -> int:
    """Wait until the order's converter works and stop it with SIGSTOP; returns its process id."""
    # What binds it to the flow's process and bounds it (setpriv, prlimit) turns into the interpreter itself.
    [process] = wait_for(
        "the converter to begin",
        lambda: [found for found in processes_in({folder}) if _is_python(found)],
        explain=placed.describe,
    )
    os.kill(process, signal.SIGSTOP)
    return process


def _is_python(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/exe").readlink().name.startswith("python")
    except FileNotFoundError:
        return False
