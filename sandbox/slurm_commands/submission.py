"""sbatch of the local job runner: what it takes, what it takes without effect, and what it refuses."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sandbox.slurm_commands.job_store import PARTITION, JobStore, Submission
from sandbox.slurm_commands.values import BadValue, choose, parse_array, parse_memory_mb, parse_minutes

#: What the one node says it has, as a virtual node of the sandbox's Slurm does; a host with less is only slower.
NODE_CPUS, NODE_MEMORY_MB = 4, 8000
#: Memory of a job that asks for none, for each processor.
_MEMORY_PER_CPU_MB = 1000
#: Seconds between two looks whether a job that is waited for has ended.
_LOOK_SECONDS = 0.2

#: Options that say nothing to a runner with one account, one node and no mail.
_WITHOUT_EFFECT = ("account", "qos", "wckey", "mail-user", "mail-type", "nice")

_FAILED = "Batch job submission failed: "


class Arguments(argparse.ArgumentParser):
    """A parser that refuses as Slurm's commands do: one line with the command's name, and status 1."""

    def __init__(self, prog: str) -> None:
        # -h is Slurm's --noheader.
        super().__init__(prog=prog, allow_abbrev=False, add_help=False)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: Invalid option: {message} (local job runner)", file=sys.stderr)
        raise SystemExit(1)


def submit(store: JobStore, words: Sequence[str]) -> int:
    """`sbatch OPTIONS [SCRIPT [ARGUMENTS]]`; without a script it is read from standard input. `#SBATCH` lines are none.

    Returns:
        its exit status: with --wait the largest of the job's tasks'.
    """
    parser = Arguments("sbatch")
    for name in ("job-name", "comment", "chdir", "output", "array", "mem", "time", *_WITHOUT_EFFECT):
        parser.add_argument(f"--{name}")
    parser.add_argument("--open-mode", choices=("append", "truncate"), default="truncate")
    parser.add_argument("--partition", default=PARTITION)
    parser.add_argument("--cpus-per-task", type=int, default=1)
    parser.add_argument("--export", choices=("ALL", "NONE"), default="ALL")
    for name in ("parsable", "hold", "wait", "requeue", "no-requeue"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("script", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(words)
    try:
        wanted = _read(chosen)
    except (BadValue, OSError) as error:
        print(f"sbatch: error: {error}", file=sys.stderr)
        return 1
    number = store.submit(wanted, time.time())
    print(number if chosen.parsable else f"Submitted batch job {number}", flush=True)
    return _wait(store, number) if chosen.wait else 0


def _read(chosen: argparse.Namespace) -> Submission:
    """
    Raises:
        BadValue: with what Slurm says.
        OSError: there is no such script.
    """
    if chosen.partition != PARTITION:
        raise BadValue(f"{_FAILED}Invalid partition name specified")
    if len(chosen.script) > 1:
        raise BadValue(f"{_FAILED}Invalid arguments of the script: the local job runner hands none on")
    script = Path(chosen.script[0]).read_bytes() if chosen.script else sys.stdin.buffer.read()
    if not script.startswith(b"#!"):
        raise BadValue("This does not look like a batch script. Invalid first line: it must start with #!")
    cpus = chosen.cpus_per_task
    memory_mb = cpus * _MEMORY_PER_CPU_MB if chosen.mem is None else parse_memory_mb(chosen.mem)
    if not 1 <= cpus <= NODE_CPUS or memory_mb > NODE_MEMORY_MB:
        raise BadValue(f"{_FAILED}Requested node configuration is not available")
    array, at_once = (None, None) if chosen.array is None else parse_array(chosen.array)
    name = "sbatch" if not chosen.script else Path(chosen.script[0]).name
    return Submission(
        name=name if chosen.job_name is None else chosen.job_name,
        comment=chosen.comment or "",
        # Not resolved: a run's folder is told from others by the name it was given.
        folder=str(Path.cwd() / (chosen.chdir or "")),
        output=chosen.output or ("slurm-%A_%a.out" if array else "slurm-%j.out"),
        append=chosen.open_mode == "append",
        script=script,
        environment=_environment(chosen.export),
        cpus=cpus,
        memory_mb=memory_mb,
        minutes=None if chosen.time is None else parse_minutes(chosen.time),
        tasks=(None,) if array is None else array,
        at_once=at_once,
        held=chosen.hold,
    )


def _environment(export: str) -> dict[str, str]:
    """The job's environment: the submitter's, or with NONE only what a login has."""
    if export == "ALL":
        return dict(os.environ)
    kept = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _wait(store: JobStore, number: int) -> int:
    while True:
        jobs, _ = choose(store.find(), [str(number)])
        if all(job.ended is not None for job in jobs):
            return max(job.exit_code or (1 if job.state != "COMPLETED" else 0) for job in jobs)
        time.sleep(_LOOK_SECONDS)
