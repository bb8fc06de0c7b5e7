"""What is there on a cluster, what is missing, and what to do."""

from __future__ import annotations

from typing import Any

from blocks.cluster_look import ClusterLook, look_at
from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import FailureCategory, FailureError, fail
from contracts.finding import Finding
from tasks.cluster_images import provide_images, wanted_images


def examine_cluster(cluster: SlurmCluster, catalogue: WorkflowCatalogue, log: Any) -> list[Finding]:
    """Findings of one login; what cannot be reached is a finding too."""
    where = f"{cluster.user}@{cluster.host}"
    try:
        with cluster.connect() as connection:
            found = look_at(cluster, connection)
            images = provide_images(cluster, connection, wanted_images(cluster, catalogue), log, pull=False)
    except FailureError as error:
        return [Finding(subject=f"login as {where}", failure=error.failure)]
    return [
        Finding(subject=f"login as {where}", found=found.version),
        _partitions(cluster, found),
        _accounting(cluster, found),
        _scratch(cluster, found),
        _programs(found),
        *images,
    ]


def _partitions(cluster: SlurmCluster, found: ClusterLook) -> Finding:
    subject = "partitions"
    if not found.partitions:
        return _mend(subject, "Slurm does not answer.", found.scheduler, "Ask the cluster's administrators.")
    named = {cluster.default_partition, cluster.gpu_partition, *cluster.partitions} - {None}
    unknown = sorted(str(name) for name in named if name not in found.partitions)
    shown = ", ".join(f"{name} {state}" for name, state in found.partitions.items())
    if unknown:
        return _mend(
            subject, f"The cluster has no partition {', '.join(unknown)}.", shown, "Correct the SlurmCluster block."
        )
    return Finding(subject=subject, found=shown)


def _accounting(cluster: SlurmCluster, found: ClusterLook) -> Finding:
    subject = "accounting"
    if cluster.accounting and not found.sacct:
        return _mend(
            subject,
            "sacct does not answer.",
            "",
            "If this cluster has no slurmdbd, set `accounting` to false in the SlurmCluster block.",
        )
    return Finding(subject=subject, found="sacct answers" if found.sacct else "none; scontrol is asked instead")


def _scratch(cluster: SlurmCluster, found: ClusterLook) -> Finding:
    subject = f"scratch {cluster.scratch}"
    if not found.scratch:
        return _mend(
            subject, "Nothing can be written there.", cluster.scratch, "Correct `scratch`, or its permissions."
        )
    return Finding(subject=subject, found=f"{found.free_bytes / 1e9:.1f} GB free")


def _programs(found: ClusterLook) -> Finding:
    subject = "programs"
    if found.missing:
        return _mend(
            subject, f"The login node has no {', '.join(found.missing)}.", "", "Ask the cluster's administrators."
        )
    return Finding(subject=subject, found="tar, sha256sum, dd, find, timeout")


def _mend(subject: str, summary: str, detail: str, next_step: str) -> Finding:
    failure = fail(FailureCategory.NOT_CONFIGURED, summary, detail=detail, next_step=next_step).failure
    return Finding(subject=subject, failure=failure)
