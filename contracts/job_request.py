"""What Slurm is asked for: a run's job, with everything settled."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from contracts.analysis_run import MailAddress
from contracts.base import Contract, Token
from contracts.slurm_job import AttemptNumber, Tasks

#: Long options of sbatch that are set from the run or the block, or that would break how a job is followed.
RESERVED_OPTIONS = frozenset(
    {
        "array",
        "chdir",
        "comment",
        "cpus-per-task",
        "error",
        "export-file",
        "get-user-env",
        "gid",
        "help",
        "input",
        "job-name",
        "mail-user",
        "mem",
        "open-mode",
        "output",
        "parsable",
        "partition",
        "quiet",
        "test-only",
        "time",
        "uid",
        "usage",
        "verbose",
        "version",
        "wait",
        "wrap",
    }
)
_OPTION = re.compile(r"[a-z][a-z0-9-]{1,40}")

#: A path on the cluster, absolute and plain: it is a part of bind options, where a colon or comma would be read.
ClusterPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_+@=-][A-Za-z0-9_.+@=-]*)+$", max_length=1000)]
#: A file below the images folder.
ImagePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.+-]*(/[A-Za-z0-9_-][A-Za-z0-9_.+-]*)*$", max_length=500)
]
PartitionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def check_options(options: dict[str, str]) -> dict[str, str]:
    """Further options of sbatch, by their long names without `--`; an option without a value has an empty one.

    Raises:
        ValueError: names the option and what is wrong with it.
    """
    for name, value in options.items():
        if not _OPTION.fullmatch(name):
            raise ValueError(f"{name!r} is no long option of sbatch")
        if name in RESERVED_OPTIONS:
            raise ValueError(f"--{name} is set from the run and cannot be given as a further option")
        if not value.isprintable() or len(value) > 1000:
            raise ValueError(f"the value of --{name} is not one printable line of up to 1000 characters")
    return options


#: Further options of sbatch.
SbatchOptions = Annotated[dict[str, str], AfterValidator(check_options)]


class JobResources(Contract):
    """What one task of the job gets. `partition` None: the cluster's default; `memory_mb` None: what Slurm gives.

    `at_once`: tasks of a job array that may run at the same time; None leaves that to Slurm.
    """

    minutes: Annotated[int, Field(ge=1)]
    cpus: Annotated[int, Field(ge=1)]
    memory_mb: Annotated[int, Field(ge=1)] | None = None
    gpus: Annotated[int, Field(ge=0)] = 0
    partition: PartitionName | None = None
    mail_to: MailAddress | None = None
    at_once: Annotated[int, Field(ge=1)] | None = None


class JobRequest(Contract):
    """A run's job. `tasks`: the array tasks to run; (0,) alone is submitted as a job that is no array.

    `image`: the container image's file below the images folder; `reference`: its name in a registry or the node's
    store, for runtimes that take that. `arguments`: what the workflow is given, each one word whatever is in it.
    `read_only`: further folders of the cluster that the container may read, where inputs are links.
    """

    token: Token
    attempt: AttemptNumber
    tasks: Annotated[Tasks, Field(min_length=1)]
    image: ImagePath | None = None
    reference: str | None = None
    arguments: Annotated[tuple[str, ...], Field(strict=False)] = ()
    resources: JobResources
    options: SbatchOptions = {}
    read_only: Annotated[tuple[ClusterPath, ...], Field(strict=False)] = ()
