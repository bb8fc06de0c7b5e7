"""What squeue, sacct, scontrol and a job's own trap print, and how it is read.

Times are asked for as seconds since the epoch (SLURM_TIME_FORMAT=%s, set for every script), so that the cluster's
time zone plays no part. Sources: the manual pages of squeue, sacct and scontrol, 22.05 to 25.05.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.slurm_job import Accounting, QueuedJob, TaskExit
from contracts.slurm_state import parse_state

#: The separator comes in no field of Slurm's own; name and folder, which others may choose, are the last two.
SQUEUE_FORMAT = "%i|%F|%K|%T|%r|%S|%j|%Z"
SACCT_FIELDS = "JobID,JobIDRaw,State,ExitCode,ElapsedRaw,TotalCPU,MaxRSS,AllocTRES,NodeList,Start,End,JobName,WorkDir"
_STEP = re.compile(r"^\d+(?:_\d+)?\.")
_ID = re.compile(r"(\d+)(?:_(\d+|\[.*\]))?")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}


def moment(text: str) -> datetime | None:
    """A moment as Slurm prints it with %s; None for N/A, Unknown, None and 0."""
    return datetime.fromtimestamp(int(text), UTC) if text.isdigit() and int(text) > 0 else None


def parse_queue(lines: Iterable[str]) -> list[QueuedJob]:
    """The rows of `squeue --array --noheader --format=SQUEUE_FORMAT`.

    With `--clusters` it prints a line `CLUSTER: name` before the rows, which is left out.

    Raises:
        ValueError: a row is none.
    """
    jobs = []
    for line in lines:
        if not line or line.startswith("CLUSTER: "):
            continue
        parts = line.split("|", 6)
        if len(parts) < 7 or not parts[1].isdigit():
            raise ValueError(f"{line!r} is no row of squeue")
        _, number, task, word, reason, start, rest = parts
        name, _, folder = rest.partition("|")
        jobs.append(
            QueuedJob(
                number=int(number),
                task=int(task) if task.isdigit() else None,
                state=parse_state(word),
                word=word,
                reason=reason,
                start=moment(start),
                name=name,
                folder=folder,
            )
        )
    return jobs


def parse_accounting(lines: Iterable[str]) -> list[Accounting]:
    """The rows of `sacct --parsable2 --noheader --noconvert --format=SACCT_FIELDS`, steps folded into their jobs.

    An array's tasks that never began share one row, `7_[3-9%2]`: it gives one entry a task.

    Raises:
        ValueError: a row is none.
    """
    jobs: list[list[str]] = []
    for line in lines:
        if not line:
            continue
        parts = line.split("|")
        if len(parts) < 13:
            raise ValueError(f"{line!r} is no row of sacct")
        if _STEP.match(parts[0]):
            if not jobs:
                raise ValueError(f"{line!r} is a step of no job")
            jobs[-1].append(line)
        else:
            jobs.append([line])
    return [entry for rows in jobs for entry in _accounting(rows)]


def _accounting(rows: list[str]) -> list[Accounting]:
    job_id, _, word, exit_code, elapsed, cpu, _, allocated, node, start, end, rest = rows[0].split("|", 11)
    name, _, folder = rest.partition("|")
    match = _ID.fullmatch(job_id.split("+")[0])
    code = re.fullmatch(r"(\d+):(\d+)", exit_code)
    if match is None or code is None:
        raise ValueError(f"{rows[0]!r} is no row of sacct")
    rss = [size for row in rows if (size := parse_size(row.split("|", 7)[6])) is not None]
    entry = Accounting(
        number=int(match[1]),
        task=None,
        state=parse_state(word),
        word=word,
        exit_code=int(code[1]),
        signal=int(code[2]),
        elapsed_seconds=int(elapsed) if elapsed.isdigit() else 0,
        cpu_seconds=parse_cpu_time(cpu),
        max_rss=max(rss, default=None),
        node=node,
        allocated=allocated,
        started=moment(start),
        ended=moment(end),
        name=name,
        folder=folder,
        raw="\n".join(rows),
    )
    if match[2] is None:
        return [entry]
    return [entry.model_copy(update={"task": task}) for task in expand_tasks(match[2])]


def expand_tasks(expression: str) -> list[int]:
    """The tasks of an array expression as Slurm prints it: `3`, `[0-7,9%2]`, `[0-20:5]`.

    Raises:
        ValueError: it is none.
    """
    tasks: list[int] = []
    for part in expression.strip("[]").split("%")[0].split(","):
        match = re.fullmatch(r"(\d{1,8})(?:-(\d{1,8})(?::(\d{1,8}))?)?", part)
        if match is None:
            raise ValueError(f"{expression!r} names no tasks")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if not first <= last <= 4_000_000 or step == 0:
            raise ValueError(f"{expression!r} names no tasks")
        tasks += range(first, last + 1, step)
    return tasks


def parse_size(text: str) -> int | None:
    """Bytes of a size as sacct prints it: `4366336`, `12345K`, `1.50G`; None for an empty cell."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]?)", text.strip())
    return None if match is None else int(float(match[1]) * _UNITS[match[2]])


def parse_cpu_time(text: str) -> float:
    """Seconds of `[days-][hours:]minutes:seconds[.fraction]`; 0 for an empty cell.

    Raises:
        ValueError: it is no such time.
    """
    if not text:
        return 0.0
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)", text)
    if match is None:
        raise ValueError(f"{text!r} is no CPU time")
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


_KEYS = (
    "JobId",
    "ArrayJobId",
    "ArrayTaskId",
    "JobName",
    "JobState",
    "ExitCode",
    "RunTime",
    "StartTime",
    "EndTime",
    "NodeList",
    "TRES",
    "AllocTRES",
    "WorkDir",
)
_SCONTROL = {key: re.compile(rf"(?:^| ){key}=(\S*)") for key in _KEYS}


def parse_controller(lines: Iterable[str]) -> list[Accounting]:
    """The lines of `scontrol --oneliner show job`: what the controller still knows of ended jobs, without their use.

    Raises:
        ValueError: a line is none.
    """
    return [entry for line in lines if line.strip() for entry in _controller_entry(line)]


def _controller_entry(line: str) -> list[Accounting]:
    found = {key: match[1] for key, pattern in _SCONTROL.items() if (match := pattern.search(line)) is not None}
    code = re.fullmatch(r"(\d+):(\d+)", found.get("ExitCode", ""))
    number = found.get("ArrayJobId", found.get("JobId", ""))
    if code is None or not number.isdigit() or "JobState" not in found:
        raise ValueError(f"{line[:200]!r} is no line of scontrol show job")
    entry = Accounting(
        number=int(number),
        task=None,
        state=parse_state(found["JobState"]),
        word=found["JobState"],
        exit_code=int(code[1]),
        signal=int(code[2]),
        elapsed_seconds=int(parse_cpu_time(found.get("RunTime", ""))),
        cpu_seconds=0.0,
        max_rss=None,
        node=found.get("NodeList", ""),
        allocated=found.get("AllocTRES", found.get("TRES", "")),
        started=moment(found.get("StartTime", "")),
        ended=moment(found.get("EndTime", "")),
        name=found.get("JobName", ""),
        folder=found.get("WorkDir", ""),
        raw=line,
    )
    tasks = found.get("ArrayTaskId")
    return [entry] if tasks is None else [entry.model_copy(update={"task": task}) for task in expand_tasks(tasks)]


_EXIT = re.compile(
    r"task=(\d{1,8}) code=(\d{1,3}) signal=(-|[A-Z0-9]{1,10}) late=(yes|no) restarts=(\d{1,6}) job=(\d{1,12})"
    r" node=([!-~]{1,255}) started=(\d{1,12}) ended=(\d{1,12})"
)


def parse_exit(line: str) -> TaskExit:
    """The line that a job's trap writes into `TASK.exitcode`.

    Raises:
        ValueError: it is none, for example half of one.
    """
    match = _EXIT.fullmatch(line)
    if match is None:
        raise ValueError(f"{line[:200]!r} is no line of a job's trap")
    task, code, signal, late, restarts, number, node, started, ended = match.groups()
    return TaskExit(
        task=int(task),
        code=int(code),
        signal=None if signal == "-" else signal,
        time_limit=late == "yes",
        restarts=int(restarts),
        number=int(number),
        node=node,
        started=datetime.fromtimestamp(int(started), UTC),
        ended=datetime.fromtimestamp(int(ended), UTC),
    )
