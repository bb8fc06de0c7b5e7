"""Runs `omero-flows` as in a shell, without any site."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it printed on its two streams."""

    code: int
    out: str
    error: str


def omero_flows(*arguments: str, folder: Path) -> Answer:
    """Run a command in `folder`; the terminal is wide, so that nothing looked for is broken over lines."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OMERO_"))}
    environment |= {"PYTHONPATH": str(HOUSE), "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", "HOME": str(folder)}
    ended = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)
