"""What the tasks of jobs print: the end of it, and how far they have come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from blocks.job_queue import read_sections
from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.slurm_job import AttemptNumber, Task

#: Lines of a log that are looked at, and the most bytes of them.
TAIL_LINES = 50
TAIL_BYTES = 16_384

#: `tail_of NAME FILE`: a section with the end of a log; characters that end lines on terminals are made line ends.
SHELL_FUNCTIONS = f"""\
tail_of() {{
    emit "$1" 0 "$(tail -c {TAIL_BYTES} -- "$2" 2> /dev/null | tr '\\r\\0' '\\n ' | tail -n {TAIL_LINES})"
}}
"""

#: Arguments: scratch; `token/attempt-n/task` words come through standard input.
_TAILS = RemoteScript(
    "read the ends of logs",
    SHELL_FUNCTIONS + 'cd -- "$1" || exit 73\nwhile IFS= read -r place; do tail_of "$place" "$place.log"; done\n',
)

_STEPS = re.compile(r"progress:\s*(\d{1,9})\s*(?:of|/)\s*(\d{1,9})", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?\s?%")


def read_tails(
    cluster: SlurmCluster, connection: SshConnection, places: Sequence[tuple[UUID, AttemptNumber, Task]]
) -> dict[tuple[UUID, AttemptNumber, Task], str]:
    """The last lines of several tasks' logs, in one command; empty for a log that is not there yet.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    names = {f"{token}/attempt-{attempt}/{task}": (token, attempt, task) for token, attempt, task in places}
    if not names:
        return {}
    result = connection.run(_TAILS, cluster.scratch, stdin="".join(f"{name}\n" for name in names).encode())
    return {names[section.name]: "\n".join(section.lines) for section in read_sections(connection, _TAILS, result)}


def parse_progress(log: str) -> float | None:
    """How much of its work a task says it has done, from 0 to 1; None when it says nothing.

    The last line counts that says `progress: 3 of 24` (or 3/24), or else `42%`.
    """
    for line in reversed(log.splitlines()):
        if (steps := _STEPS.search(line)) is not None and int(steps[2]) > 0:
            return min(int(steps[1]) / int(steps[2]), 1.0)
        percents = [int(match[1]) for match in _PERCENT.finditer(line)]
        if percents and percents[-1] <= 100:
            return percents[-1] / 100
    return None
