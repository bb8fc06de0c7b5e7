"""Look at a cluster: is it reached, does Slurm answer, is there space, is every workflow's image there?"""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.finding import cluster_check
from tasks.analysis_work import CATALOGUE_BLOCK, CLUSTER_BLOCK
from tasks.cluster_examination import examine_cluster
from tasks.findings import conclude
from tasks.order_run import load_block


@flow(name="check-cluster", flow_run_name="check {cluster}", persist_result=False)
async def check_cluster(cluster: str = CLUSTER_BLOCK) -> State[Any]:
    """Say what is there, what is missing and what to do; nothing is changed.

    Args:
        cluster: name of the SlurmCluster block.
    """
    block = await load_block(SlurmCluster, cluster)
    catalogue = await load_block(WorkflowCatalogue, CATALOGUE_BLOCK)
    findings = await asyncio.to_thread(examine_cluster, block, catalogue, get_run_logger())
    return await conclude(findings, cluster_check(cluster))
