"""Memory limits of jobs: whether this kernel lets Slurm set them, and the control groups Slurm leaves behind.

Slurm 22.05 (Debian 12) can limit memory with version 1 control groups. Its support of version 2 asks
systemd for a scope over D-Bus, which a slurmd outside of systemd's care does not get; there a job's
memory is measured once a second, and a job over its limit is FAILED instead of OUT_OF_MEMORY.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
#: Slurm keeps track of a job's processes with the one and limits them with the other.
_CONTROLLERS = ("freezer", "memory")


def why_not_limited() -> str | None:
    """Why jobs here have no memory limit from the kernel; None when they do."""
    for controller in _CONTROLLERS:
        # Only version 1 has a file of this name; W_OK is refused on a read-only mount, to root as well.
        if not (ROOT / controller / "tasks").exists() or not os.access(ROOT / controller, os.W_OK):
            return f"no writable version 1 control group {controller!r} on this machine: memory is only measured"
    return None


def remove_groups(node: str, seconds: float = 3.0) -> None:
    """Remove the control groups of a node whose slurmd was killed; one that still has a process is waited for.

    A group that cannot be removed is left: it holds nothing but its name.
    """
    deadline = time.monotonic() + seconds
    while groups := [group for group in ROOT.glob(f"*/slurm_{node}") if group.is_dir()]:
        for group in groups:
            _remove(group)
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _remove(group: Path) -> None:
    with suppress(OSError):
        for inner in group.iterdir():
            if inner.is_dir():
                _remove(inner)
        group.rmdir()
