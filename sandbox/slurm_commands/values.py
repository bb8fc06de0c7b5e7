"""How Slurm writes and reads the values of its options and columns (sbatch(1), squeue(1), sacct(1))."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence

from sandbox.slurm_commands.job_store import NODE, PARTITION, Job

#: As Slurm's default, so that no array is too long here and not elsewhere.
LARGEST_ARRAY = 20_001
_UNITS = {"": 1024, "K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}


class BadValue(ValueError):
    """A value that Slurm would refuse; the message is what it says."""


def parse_minutes(text: str) -> float | None:
    """A time limit: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`; None for no limit."""
    if text.upper() in {"UNLIMITED", "INFINITE"}:
        return None
    days, dash, rest = text.partition("-") if "-" in text else ("0", "", text)
    parts = rest.split(":")
    if not (days.isdigit() and 1 <= len(parts) <= 3 and all(part.isdigit() for part in parts)):
        raise BadValue("Invalid --time specification")
    numbers = [int(part) for part in parts]
    if dash or len(numbers) == 3:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
    else:
        hours, (minutes, seconds) = 0, [*numbers, 0][:2]
    return int(days) * 1440 + hours * 60 + minutes + seconds / 60


def parse_memory_mb(text: str) -> int:
    """A size: mebibytes, or with K, M, G or T behind it."""
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", text, re.IGNORECASE)
    if match is None:
        raise BadValue("Invalid --mem specification")
    return -(-int(match[1]) * _UNITS[match[2].upper()] // 1024)


def parse_array(text: str) -> tuple[tuple[int, ...], int | None]:
    """An array's tasks and how many may run at once: `0-9,12%4`, `0-6:2`."""
    expression, percent, limit = text.partition("%")
    tasks: set[int] = set()
    for part in expression.split(","):
        match = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", part)
        if match is None:
            raise BadValue("Invalid job array specification")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if not first <= last < LARGEST_ARRAY or step == 0:
            raise BadValue("Invalid job array specification")
        tasks.update(range(first, last + 1, step))
    if percent and not (limit.isdigit() and int(limit) > 0):
        raise BadValue("Invalid job array specification")
    return tuple(sorted(tasks)), int(limit) if percent else None


def parse_moment(text: str, now: float) -> float:
    """A moment: `now`, `now-1hour`, `2026-05-04T03:02:01`, seconds since the epoch."""
    if match := re.fullmatch(r"now(?:([+-])(\d+)(second|minute|hour|day|week)s?)?", text):
        seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
        return now + (int(f"{match[1]}{match[2]}") * seconds[match[3]] if match[1] else 0)
    if text.isdigit():
        return float(text)
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"):
        try:
            return time.mktime(time.strptime(text, form))
        except ValueError:
            continue
    raise BadValue(f"Invalid time specification: {text}")


def choose(jobs: Sequence[Job], wanted: Sequence[str]) -> tuple[list[Job], list[str]]:
    """The jobs that ids name, `7`, `7_3` or the number of an array's task; and the ids that name none."""
    chosen: dict[int, Job] = {}
    unknown = []
    for word in wanted:
        found = [job for job in jobs if word in {str(job.number), str(job.id), job.shown_id}]
        chosen.update({job.id: job for job in found})
        if not found:
            unknown.append(word)
    return [chosen[number] for number in sorted(chosen)], unknown


def moment(seconds: float | None) -> str:
    """As SLURM_TIME_FORMAT says (strftime), else as ISO 8601 without a zone; `N/A` for none."""
    if seconds is None:
        return "N/A"
    return time.strftime(os.environ.get("SLURM_TIME_FORMAT", "%Y-%m-%dT%H:%M:%S"), time.localtime(seconds))


def length(seconds: float) -> str:
    """`[days-]hours:minutes:seconds`."""
    days, rest = divmod(int(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{clock}" if days else clock


def cpu_time(seconds: float) -> str:
    """As sacct's TotalCPU: `minutes:seconds.milliseconds`, hours and days before them where there are any."""
    whole = int(seconds)
    if whole >= 3600:
        return length(seconds)
    return f"{whole // 60:02}:{seconds - whole // 60 * 60:06.3f}"


def elapsed(job: Job) -> float:
    """Seconds from a job's start to its end, or to now."""
    return 0.0 if job.started is None else max(0.0, (job.ended or time.time()) - job.started)


def resources(job: Job) -> str:
    return f"billing={job.cpus},cpu={job.cpus},mem={job.memory_mb}M,node=1"


def node(job: Job, none: str = "") -> str:
    return none if job.started is None else NODE


def limit(job: Job) -> str:
    return "UNLIMITED" if job.minutes is None else length(job.minutes * 60)


#: squeue's `%` letters: the heading, and what stands below it.
SQUEUE_COLUMNS: dict[str, tuple[str, Callable[[Job], str]]] = {
    "i": ("JOBID", lambda job: job.shown_id),
    "A": ("JOBID", lambda job: str(job.id)),
    "F": ("ARRAY_JOB_ID", lambda job: str(job.number)),
    "K": ("ARRAY_TASK_ID", lambda job: "N/A" if job.task is None else str(job.task)),
    "T": ("STATE", lambda job: job.state),
    "t": ("ST", lambda job: {"PENDING": "PD", "RUNNING": "R", "COMPLETING": "CG"}.get(job.state, job.state[:2])),
    "r": ("REASON", lambda job: job.reason),
    "R": ("NODELIST(REASON)", lambda job: f"({job.reason})" if job.started is None else NODE),
    "S": ("START_TIME", lambda job: moment(job.started)),
    "M": ("TIME", lambda job: length(elapsed(job))),
    "l": ("TIME_LIMIT", limit),
    "j": ("NAME", lambda job: job.name),
    "k": ("COMMENT", lambda job: job.comment or "(null)"),
    "P": ("PARTITION", lambda job: PARTITION),
    "N": ("NODELIST", node),
    "D": ("NODES", lambda job: "1"),
    "C": ("CPUS", lambda job: str(job.cpus)),
    "Z": ("WORK_DIR", lambda job: job.folder),
}
#: The letters in a format; a width between `%` and the letter counts for nothing.
_LETTER = re.compile(r"%[.\d]*([A-Za-z])")


def fill(form: str, values: Mapping[str, str]) -> str:
    """A format with the value of each letter in its place.

    Raises:
        BadValue: a letter has none.
    """

    def value(letter: re.Match[str]) -> str:
        if letter[1] not in values:
            raise BadValue(f"Invalid format specification: {letter[1]}")
        return values[letter[1]]

    return _LETTER.sub(value, form)
