"""One question to Slurm about any number of jobs, and one more about those that have left the queue.

squeue is asked by id while the ids fit into a command, else for all jobs of the account; either way once. A single id
is given twice, because squeue fails for one unknown id and not for two: then a failure always means that Slurm does not
answer. Ids come again after a reset of Slurm: a row counts only if its name is the run's token and its folder the
attempt's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from blocks.remote_command import RemoteScript, Section, sections
from blocks.slurm_answers import SACCT_FIELDS, SQUEUE_FORMAT, parse_accounting, parse_controller, parse_queue
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import CommandResult, not_understood, scheduler_unavailable
from contracts.slurm_job import Accounting, QueuedJob, SubmittedJob
from contracts.slurm_state import JobPhase

#: Seconds after which squeue and sacct are taken for hung.
SLURM_SECONDS = 60
#: More ids than these are not named one by one: squeue compares every job with every id, and a word is bounded.
MOST_IDS = 1000
#: Slurm's clock and the one a job's submission was noted with are on one site, but not the same.
CLOCK_MARGIN = timedelta(minutes=10)

#: What every script does to ask: the state of the jobs that $@ of squeue names, and what accounting wrote of them.
SHELL_FUNCTIONS = f"""\
ask_queue() {{
    rows=$(timeout {SLURM_SECONDS} squeue --array --noheader --states=all --format='{SQUEUE_FORMAT}' "$@")
    emit queue $? "$rows"
}}
ask_accounting() {{
    rows=$(timeout {SLURM_SECONDS} sacct --parsable2 --noheader --noconvert --format={SACCT_FIELDS} "$@")
    emit accounting $? "$rows"
}}
ask_controller() {{
    rows=$(for job do timeout {SLURM_SECONDS} scontrol --oneliner show job "$job" 2> /dev/null; done)
    emit controller 0 "$rows"
}}
since() {{ date -d "@$1" +%Y-%m-%dT%H:%M:%S; }}
"""

_ASK_QUEUE = RemoteScript(
    "ask for the queue",
    SHELL_FUNCTIONS + '[ "$1" = - ] && set -- "--user=$(id -un)"\nask_queue "$@"\n',
)
#: Arguments: yes or no (accounting), seconds since the epoch, then ids; names come through standard input.
_ASK_ENDED = RemoteScript(
    "ask for ended jobs",
    SHELL_FUNCTIONS
    + """\
accounting=$1 began=$2 clusters=$3; shift 3
names=$(cat)
jobs=$(printf '%s,' "$@")
if [ "$accounting" = yes ]; then
    ask_accounting "--starttime=$(since "$began")" "--name=$names" "--jobs=${jobs%,}" \\
        ${clusters:+"--clusters=$clusters"}
fi
[ "$accounting" = yes ] && [ -n "$rows" ] || ask_controller "$@"
""",
)


@dataclass(frozen=True)
class JobNews:
    """What a question brought of one job. `queued`: its tasks that squeue still shows; `accounted`: what sacct or
    scontrol knows of it, asked only once none of them waits or runs any more.

    `ended`: squeue shows no task of it any more, or only ended ones. That says nothing of how it ended. A state that is
    not recognised is no end: squeue forgets an ended job by itself after some minutes (MinJobAge).
    """

    job: SubmittedJob
    queued: tuple[QueuedJob, ...]
    accounted: tuple[Accounting, ...]

    @property
    def ended(self) -> bool:
        return all(row.phase is JobPhase.ENDED for row in self.queued)


def ask_about(cluster: SlurmCluster, connection: SshConnection, jobs: Sequence[SubmittedJob]) -> list[JobNews]:
    """Ask Slurm about all jobs at once: one squeue, and one sacct (or scontrol) if some have left.

    Raises:
        FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    if not jobs:
        return []
    queue = _ask_queue(connection, jobs)
    rows: dict[tuple[str, str], list[QueuedJob]] = {}
    for row in queue:
        rows.setdefault((row.name, row.folder), []).append(row)
    news = [JobNews(job, tuple(rows.get(origin(cluster, job), ())), ()) for job in jobs]
    left = [one for one in news if one.ended]
    if not left:
        return news
    known: dict[tuple[str, str], list[Accounting]] = {}
    for start in range(0, len(left), MOST_IDS):
        for entry in _ask_ended(cluster, connection, [one.job for one in left[start : start + MOST_IDS]]):
            known.setdefault((entry.name, entry.folder), []).append(entry)
    return [
        JobNews(one.job, one.queued, tuple(known.get(origin(cluster, one.job), ()))) if one.ended else one
        for one in news
    ]


def read_job_names(connection: SshConnection) -> frozenset[str]:
    """The names of all jobs of the account that wait, run or are being ended; for jobs of ours, their runs' tokens.

    Raises:
        FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    result = connection.run(_ASK_QUEUE, "-")
    rows = read_queue(connection, result, read_sections(connection, _ASK_QUEUE, result))
    return frozenset(row.name for row in rows if row.phase is not JobPhase.ENDED)


def origin(cluster: SlurmCluster, job: SubmittedJob) -> tuple[str, str]:
    """Name and working directory of the job, which no other job has."""
    return str(job.token), f"{cluster.folder(job.token, job.scratch)}/attempt-{job.attempt}"


def job_words(job: SubmittedJob) -> list[str]:
    """The words with which squeue is asked about one job."""
    return [f"--jobs={job.number},{job.number}", *([f"--clusters={job.cluster}"] if job.cluster else [])]


def _ask_queue(connection: SshConnection, jobs: Sequence[SubmittedJob]) -> list[QueuedJob]:
    numbers = sorted({job.number for job in jobs})
    clusters = _clusters(jobs)
    if len(numbers) > MOST_IDS:
        words = ["-"]
    else:
        words = [f"--jobs={','.join(str(number) for number in (numbers * 2 if len(numbers) == 1 else numbers))}"]
        words += [f"--clusters={clusters}"] if clusters else []
    result = connection.run(_ASK_QUEUE, *words)
    return read_queue(connection, result, read_sections(connection, _ASK_QUEUE, result))


def _ask_ended(cluster: SlurmCluster, connection: SshConnection, jobs: Sequence[SubmittedJob]) -> list[Accounting]:
    names = ",".join(str(job.token) for job in jobs)
    began = min(job.submitted for job in jobs) - CLOCK_MARGIN
    result = connection.run(
        _ASK_ENDED,
        "yes" if cluster.accounting else "no",
        str(int(began.timestamp())),
        _clusters(jobs),
        *(str(number) for number in sorted({job.number for job in jobs})),
        stdin=names.encode(),
    )
    return read_accounting(connection, read_sections(connection, _ASK_ENDED, result))


def _clusters(jobs: Iterable[SubmittedJob]) -> str:
    return ",".join(sorted({job.cluster for job in jobs if job.cluster}))


def read_sections(connection: SshConnection, script: RemoteScript, result: CommandResult) -> list[Section]:
    """The sections of an answer.

    Raises:
        FailureError: CLUSTER_REFUSED.
    """
    try:
        return sections(result.text)
    except ValueError as error:
        raise not_understood(str(connection.target), script.name, error, result.text) from error


def read_queue(connection: SshConnection, result: CommandResult, answer: Iterable[Section]) -> list[QueuedJob]:
    """The rows of the section `queue`.

    Raises:
        FailureError: SCHEDULER_UNAVAILABLE when squeue failed, CLUSTER_REFUSED when a row is none.
    """
    found: list[QueuedJob] = []
    for section in answer:
        if section.name != "queue":
            continue
        if section.code != 0:
            raise scheduler_unavailable(str(connection.target), f"squeue ended with {section.code}: {result.stderr}")
        try:
            found += parse_queue(section.lines)
        except ValueError as error:
            raise not_understood(str(connection.target), "squeue", error, "\n".join(section.lines)) from error
    return found


def read_accounting(connection: SshConnection, answer: Iterable[Section]) -> list[Accounting]:
    """The rows of the sections `accounting` and `controller`. A sacct that failed is a witness who says nothing.

    Raises:
        FailureError: CLUSTER_REFUSED when a row is none.
    """
    found: list[Accounting] = []
    for section in answer:
        try:
            if section.name == "accounting" and section.code == 0:
                found += parse_accounting(section.lines)
            elif section.name == "controller":
                found += parse_controller(section.lines)
        except ValueError as error:
            raise not_understood(str(connection.target), section.name, error, "\n".join(section.lines)) from error
    return found
