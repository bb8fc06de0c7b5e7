"""Set a cluster up: its folders, and the container images of all workflows. What is there is left as it is."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.finding import Finding, cluster_set_up
from tasks.analysis_work import CATALOGUE_BLOCK, CLUSTER_BLOCK
from tasks.cluster_images import provide_images, wanted_images
from tasks.findings import conclude
from tasks.order_run import load_block


@flow(name="set-up-cluster", flow_run_name="set up {cluster}", persist_result=False)
async def set_up_cluster(cluster: str = CLUSTER_BLOCK) -> State[Any]:
    """Make the folders, pull the images that are missing by jobs, and say of each workflow whether it can run.

    Args:
        cluster: name of the SlurmCluster block.
    """
    block = await load_block(SlurmCluster, cluster)
    catalogue = await load_block(WorkflowCatalogue, CATALOGUE_BLOCK)
    log = get_run_logger()

    def work() -> list[Finding]:
        wanted = wanted_images(block, catalogue)
        with block.connect() as connection:
            return provide_images(block, connection, wanted, log, pull=True)

    return await conclude(await asyncio.to_thread(work), cluster_set_up(cluster))
