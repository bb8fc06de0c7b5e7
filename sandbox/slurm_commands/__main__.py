"""Slurm's commands over the local job runner's store: `python -m sandbox.slurm_commands STORE NAME ...`.

They know the options that our blocks, our tests and a curious person use; any other is refused by name. Nothing but
Python's own library is imported, so that a command is up in some 50 ms.
"""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sandbox.slurm_commands.job_store import LIVE, NODE, PARTITION, PENDING, Job, JobStore
from sandbox.slurm_commands.submission import NODE_CPUS, NODE_MEMORY_MB, Arguments, submit
from sandbox.slurm_commands.values import (
    SQUEUE_COLUMNS,
    BadValue,
    choose,
    cpu_time,
    elapsed,
    fill,
    length,
    limit,
    moment,
    node,
    parse_moment,
    resources,
)

VERSION = "slurm 22.05 commands of omero-flows' local job runner"
#: Seconds that squeue and scontrol know an ended job (Slurm's MinJobAge, its default).
MIN_JOB_AGE = 300.0

_SQUEUE_DEFAULT = "%i %P %j %T %M %l %D %R"
_SACCT_DEFAULT = "JobID,JobName,Partition,AllocCPUS,State,ExitCode"


def squeue(store: JobStore, words: Sequence[str]) -> int:
    parser = Arguments("squeue")
    parser.add_argument("--array", "-r", action="store_true")
    parser.add_argument("--noheader", "-h", action="store_true", dest="bare")
    parser.add_argument("--format", "-o", default=_SQUEUE_DEFAULT)
    for name in ("states", "jobs", "name", "user"):
        parser.add_argument(f"--{name}")
    chosen = parser.parse_args(words)
    jobs = store.find(names=_words(chosen.name), ended_after=time.time() - MIN_JOB_AGE)
    if chosen.jobs is not None:
        wanted = _words(chosen.jobs)
        jobs, unknown = choose(jobs, wanted)
        if unknown and len(wanted) == 1:
            raise BadValue("slurm_load_jobs error: Invalid job id specified")
    jobs = [job for job in jobs if _is_asked_for(job, chosen.states) and chosen.user in (None, getpass.getuser())]
    heading = fill(chosen.format, {letter: title for letter, (title, _) in SQUEUE_COLUMNS.items()})
    rows = [fill(chosen.format, {letter: value(job) for letter, (_, value) in SQUEUE_COLUMNS.items()}) for job in jobs]
    _print(rows if chosen.bare else [heading, *rows])
    return 0


def _is_asked_for(job: Job, states: str | None) -> bool:
    if states is None:
        return job.state in LIVE
    short = {"PD": PENDING, "R": "RUNNING", "CG": "COMPLETING", "CD": "COMPLETED", "F": "FAILED", "CA": "CANCELLED"}
    wanted = [short.get(word, word) for word in _words(states.upper())]
    return "ALL" in wanted or job.state in wanted


_SACCT_COLUMNS: dict[str, Callable[[Job, bool], str]] = {
    "jobid": lambda job, step: f"{job.shown_id}.batch" if step else job.shown_id,
    "jobidraw": lambda job, step: f"{job.id}.batch" if step else str(job.id),
    "jobname": lambda job, step: "batch" if step else job.name,
    "partition": lambda job, step: "" if step else PARTITION,
    "state": lambda job, step: job.state,
    "exitcode": lambda job, step: f"{job.exit_code}:{job.signal}",
    "elapsedraw": lambda job, step: str(int(elapsed(job))),
    "elapsed": lambda job, step: length(elapsed(job)),
    "totalcpu": lambda job, step: cpu_time(job.cpu_seconds),
    "maxrss": lambda job, step: str(job.max_rss) if step and job.ended is not None else "",
    "alloctres": lambda job, step: "" if job.started is None else resources(job),
    "alloccpus": lambda job, step: str(job.cpus),
    "nodelist": lambda job, step: node(job, "None assigned"),
    "submit": lambda job, step: moment(job.submitted),
    "eligible": lambda job, step: moment(job.submitted),
    "start": lambda job, step: "Unknown" if job.started is None else moment(job.started),
    "end": lambda job, step: "Unknown" if job.ended is None else moment(job.ended),
    "comment": lambda job, step: "" if step else job.comment,
    "workdir": lambda job, step: "" if step else job.folder,
}


def sacct(store: JobStore, words: Sequence[str]) -> int:
    """What was written of every job there ever was: the store forgets none."""
    parser = Arguments("sacct")
    for short, name in (("-P", "parsable2"), ("-n", "noheader"), ("-X", "allocations"), ("-a", "noconvert")):
        parser.add_argument(*([f"--{name}"] if name == "noconvert" else [short, f"--{name}"]), action="store_true")
    parser.add_argument("--format", "-o", default=_SACCT_DEFAULT)
    for name in ("starttime", "name", "jobs", "user"):
        parser.add_argument(f"--{name}")
    chosen = parser.parse_args(words)
    columns = _words(chosen.format)
    if unknown := [column for column in columns if column.lower() not in _SACCT_COLUMNS]:
        raise BadValue(f'Invalid field requested: "{unknown[0]}"')
    since = None if chosen.starttime is None else parse_moment(chosen.starttime, time.time())
    jobs = store.find(names=_words(chosen.name), ended_after=since)
    if chosen.jobs is not None:
        jobs, _ = choose(jobs, _words(chosen.jobs))
    between = "|" if chosen.parsable2 else " "
    if not chosen.noheader:
        print(between.join(columns))
    rows = []
    for job in jobs:
        steps = [False] if chosen.allocations or job.started is None else [False, True]
        rows += [between.join(_SACCT_COLUMNS[column.lower()](job, step) for column in columns) for step in steps]
    _print(rows)
    return 0


def scontrol(store: JobStore, words: Sequence[str]) -> int:
    """`show job ID`, `show config`, `ping`, `hold ID`, `release ID`."""
    parser = Arguments("scontrol")
    parser.add_argument("--oneliner", "-o", action="store_true")
    parser.add_argument("words", nargs="+")
    chosen = parser.parse_args(words)
    match chosen.words:
        case ["ping"]:
            print("the local job runner is UP")
        case ["show", "config"]:
            print(f"MinJobAge = {MIN_JOB_AGE:.0f} sec\nTaskPlugin = task/none\nSLURM_VERSION = {VERSION}")
        case ["show", "job", id]:
            jobs, _ = choose(store.find(ended_after=time.time() - MIN_JOB_AGE), [id])
            if not jobs:
                raise BadValue("slurm_load_jobs error: Invalid job id specified")
            _print((" " if chosen.oneliner else "\n   ").join(_description(job)) for job in jobs)
        case ["hold" | "release" as verb, id]:
            jobs, unknown = choose(store.find(states=LIVE), _words(id))
            if unknown:
                raise BadValue(f"Invalid job id specified for job {unknown[0]}")
            store.hold(jobs, held=verb == "hold")
        case _:
            raise BadValue(f"Invalid keyword: the local job runner has no `scontrol {' '.join(chosen.words)}`")
    return 0


def _description(job: Job) -> list[str]:
    array = [] if job.task is None else [f"ArrayJobId={job.number}", f"ArrayTaskId={job.task}"]
    return [
        f"JobId={job.id}",
        *array,
        f"JobName={job.name}",
        f"UserId={getpass.getuser()}",
        f"JobState={job.state}",
        f"Reason={job.reason}",
        "Requeue=0",
        "Restarts=0",
        f"ExitCode={job.exit_code}:{job.signal}",
        f"RunTime={length(elapsed(job))}",
        f"TimeLimit={limit(job)}",
        f"SubmitTime={moment(job.submitted)}",
        f"StartTime={moment(job.started)}",
        f"EndTime={moment(job.ended)}",
        f"Partition={PARTITION}",
        f"NodeList={node(job)}",
        f"TRES={resources(job)}",
        f"WorkDir={job.folder}",
        f"Comment={job.comment}",
    ]


def scancel(store: JobStore, words: Sequence[str]) -> int:
    """By name, or by number and then only those whose name fits."""
    parser = Arguments("scancel")
    parser.add_argument("--quiet", "-Q", action="store_true")
    parser.add_argument("--name")
    parser.add_argument("--user")
    parser.add_argument("ids", nargs="*")
    chosen = parser.parse_args(words)
    if not chosen.ids and chosen.name is None and chosen.user is None:
        raise BadValue("No job identification provided")
    if chosen.user not in (None, getpass.getuser()):
        raise BadValue(f"Invalid user: {chosen.user}")
    jobs = store.find(states=LIVE, names=_words(chosen.name))
    jobs, unknown = choose(jobs, chosen.ids) if chosen.ids else (jobs, [])
    store.cancel(jobs, time.time())
    if unknown and not chosen.quiet:
        raise BadValue(f"Kill job error on job id {unknown[0]}: Invalid job id specified")
    return 0


def sinfo(store: JobStore, words: Sequence[str]) -> int:
    parser = Arguments("sinfo")
    parser.add_argument("--noheader", "-h", action="store_true", dest="bare")
    parser.add_argument("--format", "-o", default="%P %a %l %D %t %N")
    chosen = parser.parse_args(words)
    columns = {
        "R": ("PARTITION", PARTITION),
        "P": ("PARTITION", f"{PARTITION}*"),
        "a": ("AVAIL", "up"),
        "D": ("NODES", "1"),
        "N": ("NODELIST", NODE),
        "l": ("TIMELIMIT", "infinite"),
        "t": ("STATE", "idle" if not store.find(states=("RUNNING", "COMPLETING")) else "mix"),
        "c": ("CPUS", str(NODE_CPUS)),
        "m": ("MEMORY", str(NODE_MEMORY_MB)),
    }
    for line in (1,) if chosen.bare else (0, 1):
        print(fill(chosen.format, {letter: column[line] for letter, column in columns.items()}))
    return 0


def _words(text: str | None) -> list[str]:
    return [] if text is None else [word for word in text.split(",") if word]


def _print(rows: Iterable[str]) -> None:
    sys.stdout.writelines(f"{row}\n" for row in rows)


COMMANDS: dict[str, Callable[[JobStore, Sequence[str]], int]] = {
    "sbatch": submit,
    "squeue": squeue,
    "sacct": sacct,
    "scontrol": scontrol,
    "scancel": scancel,
    "sinfo": sinfo,
}


def main(arguments: Sequence[str]) -> int:
    store, name, *words = arguments
    if words == ["--version"]:
        print(VERSION)
        return 0
    try:
        return COMMANDS[name](JobStore(Path(store)), words)
    except BadValue as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
