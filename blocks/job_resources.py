"""What a job gets: what the user asks for, over what the workflow needs, over what the cluster gives by default."""

from __future__ import annotations

from blocks.slurm_cluster import SlurmCluster
from contracts.analysis_run import Resources
from contracts.failures import FailureCategory, fail
from contracts.job_request import JobResources

#: Options of sbatch that say in other words what a field of ours says; one that is asked for drops these.
_MEMORY_OPTIONS = frozenset({"mem-per-cpu", "mem-per-gpu"})
_GPU_OPTIONS = frozenset({"gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket"})


def settle_resources(
    cluster: SlurmCluster, wanted: Resources, workflow: Resources, options: dict[str, str] | None = None
) -> JobResources:
    """Settle each resource by itself, within the limits of the block.

    A partition: the user's, else the workflow's, else the GPU partition for a job with a GPU, else the default one.
    Further `options` of the workflow that give memory in other words (`mem-per-cpu`) stand in for the default memory.

    Raises:
        FailureError: BAD_REQUEST, naming what is over its limit.
    """
    gpus = _first(wanted.gpus, workflow.gpus, 0)
    further = cluster.sbatch_options | (options or {})
    default_memory = None if _MEMORY_OPTIONS & further.keys() else cluster.default_memory_mb
    partition = wanted.partition or workflow.partition or (gpus and cluster.gpu_partition) or cluster.default_partition
    minutes = _first(wanted.minutes, workflow.minutes, cluster.default_minutes)
    cpus = _first(wanted.cpus, workflow.cpus, cluster.default_cpus)
    memory_mb = wanted.memory_mb or workflow.memory_mb or default_memory
    for value, most, what in (
        (minutes, cluster.most_minutes, "minutes"),
        (cpus, cluster.most_cpus, "processors"),
        (memory_mb or 0, cluster.most_memory_mb, "MiB of memory"),
        (gpus, cluster.most_gpus, "GPUs"),
    ):
        if value > most:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"The job asks for {value} {what}; this cluster allows {most}.",
                next_step="Ask for less, or let an administrator raise the limit in the SlurmCluster block.",
            )
    if partition and cluster.partitions and partition not in cluster.partitions:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The job asks for the partition {partition!r}; this cluster allows {', '.join(cluster.partitions)}.",
            next_step="Choose one of them, or let an administrator add it to the SlurmCluster block.",
        )
    return JobResources(
        minutes=minutes,
        cpus=cpus,
        memory_mb=memory_mb,
        gpus=gpus,
        partition=partition or None,
        mail_to=wanted.mail_to or workflow.mail_to,
        at_once=cluster.most_tasks_at_once,
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def resource_options(cluster: SlurmCluster, resources: JobResources, options: dict[str, str]) -> dict[str, str]:
    """The options of sbatch for resources and further options, those of the workflow over those of the cluster."""
    further = cluster.sbatch_options | options
    chosen = {"time": str(resources.minutes), "cpus-per-task": str(resources.cpus)}
    if resources.partition is not None:
        chosen["partition"] = resources.partition
    if resources.memory_mb is not None:
        chosen["mem"] = f"{resources.memory_mb}M"
        further = {name: value for name, value in further.items() if name not in _MEMORY_OPTIONS}
    if resources.mail_to is not None:
        chosen |= {"mail-user": resources.mail_to, "mail-type": further.pop("mail-type", "END,FAIL")}
    if resources.gpus:
        further = {name: value for name, value in further.items() if name not in _GPU_OPTIONS}
        wanted = f"{cluster.gpu_type}:{resources.gpus}" if cluster.gpu_type else str(resources.gpus)
        if cluster.gpu_style == "gpus":
            chosen["gpus"] = wanted
        else:
            others = [part for part in further.pop("gres", "").split(",") if part and not part.startswith("gpu")]
            chosen["gres"] = ",".join([f"gpu:{wanted}", *others])
    return chosen | further
