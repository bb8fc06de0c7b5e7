"""What the tasks of jobs print: the end of it, and how far they have come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from blocks.job_queue import read_sections
from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.slurm_job import AttemptNumber, SubmittedJob, Task

#: Lines of a log that are looked at, and the most bytes of them.
TAIL_LINES = 50
TAIL_BYTES = 16_384

#: `tail_of NAME FILE`: a section with the end of a log; characters that end lines on terminals are made line ends.
SHELL_FUNCTIONS = f"""\
tail_of() {{
    emit "$1" 0 "$(tail -c {TAIL_BYTES} -- "$2" 2> /dev/null | tr '\\r\\0' '\\n ' | tail -n {TAIL_LINES})"
}}
"""

#: Lines `SCRATCH TOKEN/attempt-n/TASK` come through standard input.
_TAILS = RemoteScript(
    "read the ends of logs",
    SHELL_FUNCTIONS
    + """\
while IFS=' ' read -r scratch place; do
    own "$scratch/${place%%/*}" 2> /dev/null && tail_of "$place" "$scratch/$place.log"
done
exit 0
""",
)

_STEPS = re.compile(r"progress:\s*(\d{1,9})\s*(?:of|/)\s*(\d{1,9})", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?\s?%")


def read_tails(
    cluster: SlurmCluster, connection: SshConnection, tasks: Sequence[tuple[SubmittedJob, Task]]
) -> dict[tuple[UUID, AttemptNumber, Task], str]:
    """The last lines of several tasks' logs, in one command; empty for a log that is not there yet.

    A run whose folder is gone, or is none of the account's, has no logs.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    names = {f"{job.token}/attempt-{job.attempt}/{task}": (job.token, job.attempt, task) for job, task in tasks}
    if not names:
        return {}
    scratches = {job.token: cluster.at(job.scratch).scratch for job, _ in tasks}
    lines = "".join(f"{scratches[token]} {name}\n" for name, (token, _, _) in names.items())
    result = connection.run(_TAILS, stdin=lines.encode())
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
