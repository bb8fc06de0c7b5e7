"""Read the descriptors of all workflows, from where their authors keep them, for the panel to show."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.workflow_catalogue import WorkflowCatalogue
from tasks.analysis_work import CATALOGUE_BLOCK
from tasks.catalogue_listing import list_workflows, publish_listing
from tasks.order_run import load_block


@flow(name="read-catalogue", flow_run_name="read the catalogue", persist_result=False)
async def read_catalogue() -> State[Any]:
    """Say of each workflow what it takes and gives, or why it cannot be used; nothing is changed."""
    catalogue = await load_block(WorkflowCatalogue, CATALOGUE_BLOCK)
    listing = await asyncio.to_thread(list_workflows, catalogue)
    await publish_listing(listing)
    broken = sum(workflow.failure is not None for workflow in listing.workflows)
    return Completed(message=f"{len(listing.workflows)} workflows, {broken} of them cannot be used")
