"""How a job ended and what it left: one command after the wait."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from blocks.job_log import SHELL_FUNCTIONS as LOG_FUNCTIONS
from blocks.job_queue import (
    CLOCK_MARGIN,
    SHELL_FUNCTIONS,
    job_words,
    origin,
    read_accounting,
    read_queue,
)
from blocks.remote_command import SUM_FILES, RemoteScript, Section, sections
from blocks.run_folder import FOLDER_SECONDS
from blocks.slurm_answers import parse_exit
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import not_understood
from blocks.task_verdicts import JobEvidence, judge
from contracts.failures import FailureCategory, fail
from contracts.remote_run import ListedResult, RefusedResult
from contracts.slurm_job import Outcome, SubmittedJob, Task, TaskVerdict, Witness
from contracts.source_file import check_relative_path

#: Logs of tasks that did not succeed, or left nothing, at most so many.
MOST_LOGS = 100

#: sacct learns of an end a second late, and a run asks only once: it is asked again so often, each half a second.
ACCOUNTING_TRIES = 10

#: Arguments: scratch, token, attempt, accounting (yes or no), seconds since the epoch, the job's number, then squeue's
#: words. squeue comes first: what it no longer shows cannot change any more while the files are read. Nothing is
#: written: the disk may be full. After the line `files 0` come the entries of the output folders of the good tasks that
#: left any, each with a NUL at its end, an empty one, and the sums of those that have a plain name.
_EXAMINE = RemoteScript(
    "look how the job ended",
    SHELL_FUNCTIONS
    + LOG_FUNCTIONS
    + SUM_FILES
    + """\
own "$1/$2" && cd -- "$1/$2/attempt-$3/out" || exit 73
token=$2 accounting=$4 began=$5 number=$6 section=
shift 6
ask_queue "$@"
case $rows in *'|PENDING|'* | *'|RUNNING|'* | *'|COMPLETING|'*) tries=1 ;; *) tries=@TRIES@ ;; esac
exits=$(find .. -maxdepth 1 -name '[0-9]*.exitcode' -exec cat {} +)
emit exits 0 "$exits"
while [ "$accounting" = yes ]; do
    section=$(ask_accounting "--starttime=$(since "$began")" "--name=$token" "--jobs=$number")
    rows=${section#accounting 0}
    tries=$((tries - 1))
    [ "$rows" != "$section" ] && [ "$tries" -gt 0 ] || break
    case $rows in '' | *'|PENDING|'* | *'|RUNNING|'* | *'|COMPLETING|'*) sleep 0.5 ;; *) break ;; esac
done
[ "$accounting" != yes ] || printf '%s\\n' "$section"
case $accounting-$section in 'yes-accounting 0'?*) ;; *) ask_controller "$number" ;; esac
filled=$(find . -mindepth 2 -maxdepth 2 -printf '%h\\n' | sed 's/^[.].//' | sort -u)
good=$(printf '%s\\n' "$exits" | sed -n 's/^task=\\([0-9]*\\) code=0 .*/\\1/p' | grep -xF -e "$filled")
find .. -maxdepth 1 -name '[0-9]*.log' -printf '%f\\n' | sed 's/[.]log$//' | sort -n | grep -vxF -e "$good" \\
    | head -n @LOGS@ | while IFS= read -r task; do tail_of "log-$task" "../$task.log"; done
echo 'files 0'
[ -n "$good" ] || exit 0
find $good -mindepth 1 ! -type d -printf '%y %s %p\\0'
printf '\\0'
find $good -type f ! -path '*[[:cntrl:]]*' -print0 | sum_files
exit 0
""".replace("@LOGS@", str(MOST_LOGS)).replace("@TRIES@", str(ACCOUNTING_TRIES)),
)


@dataclass(frozen=True)
class JobEnd:
    """A verdict for each task; the files in the output folders of those that succeeded; what else is in there."""

    verdicts: tuple[TaskVerdict, ...]
    results: tuple[ListedResult, ...]
    refused: tuple[RefusedResult, ...]


def examine(
    cluster: SlurmCluster,
    connection: SshConnection,
    job: SubmittedJob,
    *,
    overdue: bool = False,
    given_up: bool = False,
) -> JobEnd:
    """Judge every task and list the results of the good ones with size and SHA-256: one command.

    `overdue` and `given_up`: see `blocks.task_verdicts.judge`.

    Raises:
        FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED (also when the run's folder is gone).
    """
    result = connection.run(
        _EXAMINE,
        cluster.at(job.scratch).scratch,
        str(job.token),
        str(job.attempt),
        "yes" if cluster.accounting else "no",
        str(int((job.submitted - CLOCK_MARGIN).timestamp())),
        str(job.number),
        *job_words(job),
        # A result of a terabyte is summed up in less.
        silent_seconds=6 * FOLDER_SECONDS,
    )
    head, _, listing = result.stdout.partition(b"files 0\n")
    try:
        answer = sections(head.decode("utf-8", "replace"))
        ours = origin(cluster, job)
        queued = [row for row in read_queue(connection, result, answer) if (row.name, row.folder) == ours]
        accounted = [entry for entry in read_accounting(connection, answer) if (entry.name, entry.folder) == ours]
        evidence = JobEvidence(
            queued=queued,
            exits=[parse_exit(line) for line in _lines(answer, "exits") if line],
            accounted=accounted,
            accountant=Witness.SACCT if any(_lines(answer, "accounting")) else Witness.SCONTROL,
            logs=_logs(answer),
        )
        verdicts = judge(job.tasks, evidence, overdue=overdue, given_up=given_up)
        results, refused = parse_listing(listing)
        filled = {result.task for result in results} | {item.task for item in refused}
        verdicts = [_with_results(verdict, filled) for verdict in verdicts]
        # The script lists by the trap's word; a task that Slurm knows to have been killed for memory is no good one.
        good = {verdict.task for verdict in verdicts if verdict.outcome is Outcome.SUCCEEDED}
        results = [result for result in results if result.task in good]
        refused = [item for item in refused if item.task in good]
    except ValueError as error:
        raise not_understood(str(connection.target), _EXAMINE.name, error, result.text) from error
    return JobEnd(tuple(verdicts), tuple(results), tuple(refused))


def _with_results(verdict: TaskVerdict, filled: Set[Task]) -> TaskVerdict:
    """The verdict on a task, which has not succeeded if it left nothing at all: nobody would look for what is missing
    of a run that is called done. `filled`: the tasks that left anything.
    """
    if verdict.outcome is not Outcome.SUCCEEDED or verdict.task in filled:
        return verdict
    failure = fail(
        FailureCategory.RESULTS_MISSING,
        f"Task {verdict.task} of the job ended well and left no results.",
        detail="there is no file in its output folder",
        next_step="Read the end of its log; perhaps it found nothing to analyse.",
    ).failure
    return verdict.model_copy(update={"outcome": Outcome.FAILED, "failure": failure})


def parse_listing(listing: bytes) -> tuple[list[ListedResult], list[RefusedResult]]:
    """What find and `sum_files` print of output folders.

    Only plain files come back whose names can be kept: no links (one may lead to a file of the account's), no
    devices, pipes and sockets, no control characters, no bytes that are not UTF-8.

    Raises:
        ValueError: an entry is none of find's, or a line is no sum.
    """
    entries, _, sums = listing.partition(b"\0\0")
    digests = parse_sums(sums)
    results: list[ListedResult] = []
    refused: list[RefusedResult] = []
    for entry in entries.split(b"\0"):
        if not entry:
            continue
        match = re.fullmatch(rb"(\S) (\d+) ((\d+)/(.+))", entry, re.DOTALL)
        if match is None:
            raise ValueError(f"{entry[:200]!r} is no entry of an output folder")
        kind, size, whole, task, name = match.groups()
        why = _why_not(kind, name)
        if why is None and whole not in digests:
            why = "cannot be read by the account"
        if why is None:
            results.append(ListedResult(task=int(task), path=name.decode(), size=int(size), sha256=digests[whole]))
        else:
            refused.append(refuse(int(task), name.decode("utf-8", "backslashreplace"), why))
    return results, refused


def parse_sums(lines: bytes) -> dict[bytes, str]:
    """The SHA-256 of each file as `sum_files` prints them; sha256sum (not openssl) escapes a name with a backslash.

    Raises:
        ValueError: a line is none.
    """
    sums: dict[bytes, str] = {}
    for line in lines.split(b"\n"):
        if not line:
            continue
        match = re.fullmatch(rb"(\\?)([0-9a-f]{64}) [ *](.+)", line, re.DOTALL)
        if match is None:
            raise ValueError(f"{line[:200]!r} is no sum of a file")
        name = re.sub(rb"\\(.)", _unescape, match[3]) if match[1] else match[3]
        sums[name] = match[2].decode()
    return sums


def _unescape(match: re.Match[bytes]) -> bytes:
    return {b"n": b"\n", b"r": b"\r"}.get(match[1], match[1])


_KINDS = {b"l": "a symbolic link", b"p": "a named pipe", b"s": "a socket", b"b": "a device", b"c": "a device"}


def _why_not(kind: bytes, name: bytes) -> str | None:
    if kind != b"f":
        return f"is {_KINDS.get(kind, 'no file')}"
    try:
        check_relative_path(name.decode())
    except UnicodeDecodeError:
        return "has a name that is not UTF-8"
    except ValueError as error:
        return f"cannot be kept: {error}"
    return None


def refuse(task: Task, path: str, why: str) -> RefusedResult:
    """A result that stays where it is."""
    shown = path if path.isprintable() else repr(path)
    failure = fail(
        FailureCategory.RESULT_REFUSED,
        f"The result {shown[:200]!r} of task {task} {why}.",
        next_step="Let the workflow write plain files with plain names; the others are imported.",
    ).failure
    return RefusedResult(task=task, path=shown, failure=failure)


def _lines(answer: Iterable[Section], name: str) -> list[str]:
    return [line for section in answer if section.name == name for line in section.lines]


def _logs(answer: Iterable[Section]) -> dict[Task, str]:
    return {
        int(section.name.removeprefix("log-")): "\n".join(section.lines)
        for section in answer
        if section.name.startswith("log-")
    }
