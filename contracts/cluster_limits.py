"""What a cluster gives jobs that ask for nothing, and the most that one may ask for: its admin's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.analysis_run import Resources
from contracts.base import Contract
from contracts.failures import FailureCategory, fail
from contracts.job_request import JobResources, PartitionName
from contracts.sbatch_options import SbatchOptions

#: Options of sbatch that say in other words what a field of ours says; one that is asked for drops these.
MEMORY_OPTIONS = frozenset({"mem-per-cpu", "mem-per-gpu"})


class ClusterLimits(Contract):
    """The part of a SlurmCluster block that decides what a job gets; what each means is said there."""

    default_partition: PartitionName | None = None
    gpu_partition: PartitionName | None = None
    partitions: Annotated[tuple[PartitionName, ...], Field(strict=False)] = ()
    default_minutes: int
    default_memory_mb: int | None
    default_cpus: int
    most_minutes: int
    most_memory_mb: int
    most_cpus: int
    most_gpus: int
    most_tasks_at_once: int | None = None
    sbatch_options: SbatchOptions = Field(default_factory=dict)


def settle_resources(
    limits: ClusterLimits, wanted: Resources, workflow: Resources, options: Mapping[str, str] | None = None
) -> JobResources:
    """What a job gets: what the user asks for, over what the workflow needs, over what the cluster gives by default.

    Each resource is settled by itself. A partition: the user's, else the workflow's, else the GPU partition for a job
    with a GPU, else the default one. Further `options` of the workflow that give memory in other words (`mem-per-cpu`)
    stand in for the default memory.

    Raises:
        FailureError: BAD_REQUEST, naming what is over its limit.
    """
    gpus = _first(wanted.gpus, workflow.gpus, 0)
    further = limits.sbatch_options | dict(options or {})
    default_memory = None if MEMORY_OPTIONS & further.keys() else limits.default_memory_mb
    partition = wanted.partition or workflow.partition or (gpus and limits.gpu_partition) or limits.default_partition
    minutes = _first(wanted.minutes, workflow.minutes, limits.default_minutes)
    cpus = _first(wanted.cpus, workflow.cpus, limits.default_cpus)
    memory_mb = wanted.memory_mb or workflow.memory_mb or default_memory
    for value, most, what in (
        (minutes, limits.most_minutes, "minutes"),
        (cpus, limits.most_cpus, "processors"),
        (memory_mb or 0, limits.most_memory_mb, "MiB of memory"),
        (gpus, limits.most_gpus, "GPUs"),
    ):
        if value > most:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"The job asks for {value} {what}; this cluster allows {most}.",
                next_step="Ask for less, or let an administrator raise the limit in the SlurmCluster block.",
            )
    if partition and limits.partitions and partition not in limits.partitions:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The job asks for the partition {partition!r}; this cluster allows {', '.join(limits.partitions)}.",
            next_step="Choose one of them, or let an administrator add it to the SlurmCluster block.",
        )
    return JobResources(
        minutes=minutes,
        cpus=cpus,
        memory_mb=memory_mb,
        gpus=gpus,
        partition=partition or None,
        mail_to=wanted.mail_to or workflow.mail_to,
        at_once=limits.most_tasks_at_once,
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
