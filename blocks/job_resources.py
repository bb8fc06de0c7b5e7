"""How sbatch is asked for what a job gets (contracts/cluster_limits.py)."""

from __future__ import annotations

from blocks.slurm_cluster import SlurmCluster
from contracts.cluster_limits import MEMORY_OPTIONS
from contracts.job_request import JobResources

_GPU_OPTIONS = frozenset({"gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket"})


def resource_options(cluster: SlurmCluster, resources: JobResources, options: dict[str, str]) -> dict[str, str]:
    """The options of sbatch for resources and further options, those of the workflow over those of the cluster."""
    further = cluster.sbatch_options | options
    chosen = {"time": str(resources.minutes), "cpus-per-task": str(resources.cpus)}
    if resources.partition is not None:
        chosen["partition"] = resources.partition
    if resources.memory_mb is not None:
        chosen["mem"] = f"{resources.memory_mb}M"
        further = {name: value for name, value in further.items() if name not in MEMORY_OPTIONS}
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
