"""Tidy a cluster at night: remove the folders of runs that failed or were cancelled long ago, and say which."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.slurm_cluster import SlurmCluster
from contracts.waiting_job import CLUSTER_TAG
from tasks.analysis_work import CLUSTER_BLOCK
from tasks.order_run import load_block
from tasks.scratch_folders import remove_old_folders
from tasks.scratch_report import publish_scratch_report


@flow(name="tidy-cluster", flow_run_name="tidy {cluster}", persist_result=False)
async def tidy_cluster(cluster: str = CLUSTER_BLOCK) -> State[Any]:
    """Remove what `keep_failed_days` of the block says is old enough; nothing of another site's.

    Args:
        cluster: name of the SlurmCluster block.
    """
    block = await load_block(SlurmCluster, cluster)
    folders = await remove_old_folders(block, CLUSTER_TAG + cluster)
    summary = await publish_scratch_report(cluster, folders)
    return Completed(message=summary, data=folders)
