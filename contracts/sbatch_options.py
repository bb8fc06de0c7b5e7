"""Options of sbatch that a site or a workflow may set: known long options, each with a checked value.

Names and forms of values are those of Slurm's manual page of sbatch (slurm.schedmd.com/sbatch.html). No
value has white space, a quote or a control character, so that nothing typed here becomes a second option,
in an argument as in a `#SBATCH` line.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*"
_NAMES = rf"{_NAME}(?:,{_NAME})*"
_COUNT = r"[1-9][0-9]{0,8}"
_COUNT_OR_ZERO = r"[0-9]{1,9}"
_RANGE = rf"{_COUNT}(?:-{_COUNT})?"
_MEMORY = r"[0-9]{1,12}(?:[KMGT]B?)?"
_TIME = r"[0-9]+(?::[0-9]{1,2}){0,2}|[0-9]+-[0-9]{1,2}(?::[0-9]{1,2}){0,2}|UNLIMITED|INFINITE"
_MOMENT = r"[A-Za-z0-9:+./-]+"
_RESOURCE = r"[A-Za-z0-9_][A-Za-z0-9_.@-]*(?:[:/=][A-Za-z0-9_][A-Za-z0-9_.-]*)*"
_RESOURCES = rf"{_RESOURCE}(?:,{_RESOURCE})*"
_GPUS = rf"(?:{_NAME}:)?{_COUNT}(?:,{_NAME}:{_COUNT})*"
_FEATURES = r"[A-Za-z0-9_.*:()\[\]&|,+-]+"
_NODES = r"[A-Za-z0-9_.\[\],-]+"
_MAIL_TYPES = (
    r"(?:NONE|BEGIN|END|FAIL|REQUEUE|ALL|INVALID_DEPEND|STAGE_OUT|TIME_LIMIT|TIME_LIMIT_90|TIME_LIMIT_80|TIME_LIMIT_50"
    r"|ARRAY_TASKS)"
)
_ADDRESS = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)?"
_BARE = ""

#: Option and the form of its value (ignoring case); an empty form takes no value.
FORMS: dict[str, str] = {
    "account": _NAME,
    "acctg-freq": r"[a-z0-9=,]+",
    "begin": _MOMENT,
    "cluster-constraint": r"!?" + _NAMES,
    "constraint": _FEATURES,
    "contiguous": _BARE,
    "core-spec": _COUNT_OR_ZERO,
    "cores-per-socket": _RANGE,
    "cpu-freq": r"[A-Za-z0-9:-]+",
    "cpus-per-gpu": _COUNT,
    "cpus-per-task": _COUNT,
    "deadline": _MOMENT,
    "delay-boot": _TIME,
    "distribution": r"[A-Za-z0-9*:=,]+",
    "exclude": _NODES,
    "exclusive": rf"(?:{_BARE}|user|mcs|topo)",
    "extra-node-info": r"[0-9*:]+",
    "gpu-bind": r"[A-Za-z0-9_:,.*x-]+",
    "gpu-freq": r"[A-Za-z0-9:=,]+",
    "gpus": _GPUS,
    "gpus-per-node": _GPUS,
    "gpus-per-socket": _GPUS,
    "gpus-per-task": _GPUS,
    "gres": _RESOURCES,
    "gres-flags": r"[A-Za-z,-]+",
    "hold": _BARE,
    "hint": r"compute_bound|memory_bound|(?:no)?multithread",
    "licenses": _RESOURCES,
    "mail-type": rf"{_MAIL_TYPES}(?:,{_MAIL_TYPES})*",
    "mail-user": _ADDRESS,
    "mem": _MEMORY,
    "mem-bind": r"[A-Za-z0-9_:,x]+",
    "mem-per-cpu": _MEMORY,
    "mem-per-gpu": _MEMORY,
    "mincpus": _COUNT,
    "network": r"[A-Za-z0-9_=,]+",
    "nice": r"-?[0-9]{1,10}|" + _BARE,
    "no-kill": rf"(?:{_BARE}|off)",
    "no-requeue": _BARE,
    "nodelist": _NODES,
    "nodes": _RANGE,
    "ntasks": _COUNT,
    "ntasks-per-core": _COUNT,
    "ntasks-per-gpu": _COUNT,
    "ntasks-per-node": _COUNT,
    "ntasks-per-socket": _COUNT,
    "overcommit": _BARE,
    "oversubscribe": _BARE,
    "partition": _NAMES,
    "prefer": _FEATURES,
    "priority": r"[0-9]{1,10}|TOP",
    "profile": r"[A-Za-z,]+",
    "propagate": r"[A-Za-z,]+|" + _BARE,
    "qos": _NAME,
    "reboot": _BARE,
    "requeue": _BARE,
    "reservation": _NAMES,
    "sockets-per-node": _RANGE,
    "spread-job": _BARE,
    "switches": rf"{_COUNT}(?:@(?:{_TIME}))?",
    "thread-spec": _COUNT_OR_ZERO,
    "threads-per-core": _RANGE,
    "time": _TIME,
    "time-min": _TIME,
    "tmp": _MEMORY,
    "tres-bind": r"[A-Za-z0-9_/:,.+*x-]+",
    "tres-per-task": _RESOURCES,
    "use-min-nodes": _BARE,
    "wait-all-nodes": r"[01]",
    "wckey": _NAME,
}

#: What the run sets itself, and why nobody else may.
OURS: dict[str, str] = {
    **dict.fromkeys(("job-name", "comment"), "a run's jobs are found again by it"),
    **dict.fromkeys(("output", "error", "open-mode"), "the run's log is read for progress"),
    **dict.fromkeys(("array", "dependency", "parsable", "wait", "quiet", "test-only"), "the run submits by itself"),
    **dict.fromkeys(("chdir", "input", "wrap"), "the run has its own folder and script"),
    **dict.fromkeys(("export", "export-file", "get-user-env"), "the run decides what a job's environment holds"),
    **dict.fromkeys(("signal", "kill-on-invalid-dep"), "the run watches its jobs' ends"),
    **dict.fromkeys(("clusters", "cluster"), "a SlurmCluster block is one cluster"),
    **dict.fromkeys(("uid", "gid"), "jobs belong to the cluster's account"),
}

#: What has a field of its own wherever further options may be given, because limits apply to it; and that field.
SETTLED: dict[str, str] = {
    "cpus-per-task": "cpus",
    "mail-user": "mail_to",
    "mem": "memory",
    "partition": "partition",
    "time": "time",
}


def check_option(name: str, value: str) -> str:
    """The option's value, when sbatch takes both and nothing else can come of it.

    Raises:
        ValueError: says what is wrong.
    """
    if name in OURS:
        raise ValueError(f"--{name} is set by the run: {OURS[name]}")
    if name not in FORMS:
        raise ValueError(f"--{name} is none of the options of sbatch that may be set")
    if not re.fullmatch(FORMS[name], value, re.IGNORECASE | re.ASCII):
        if not FORMS[name]:
            raise ValueError(f"--{name} takes no value, so leave it empty; it is {value[:80]!r}")
        raise ValueError(f"--{name} cannot be {value[:80]!r}")
    return value


def _check(options: dict[str, str]) -> dict[str, str]:
    for name, value in options.items():
        if name in SETTLED:
            raise ValueError(f"--{name} is no further option: {SETTLED[name]} says it")
        check_option(name, value)
    return options


#: Further options: long names without dashes in front, and values; an empty value is an option that takes none.
SbatchOptions = Annotated[dict[str, str], AfterValidator(_check)]


def option_arguments(options: dict[str, str]) -> list[str]:
    """The options as sbatch reads them, one argument each: `--partition=gpu`, `--exclusive`."""
    return [f"--{name}={value}" if value else f"--{name}" for name, value in options.items()]
