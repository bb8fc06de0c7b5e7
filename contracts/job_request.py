"""What Slurm is asked for: a run's job, with everything settled."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.analysis_run import MailAddress
from contracts.base import Contract, Token
from contracts.cluster_path import ClusterPath
from contracts.sbatch_options import SbatchOptions
from contracts.slurm_job import AttemptNumber, Tasks

#: A file below the images folder.
ImagePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.+-]*(/[A-Za-z0-9_-][A-Za-z0-9_.+-]*)*$", max_length=500)
]
PartitionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


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
