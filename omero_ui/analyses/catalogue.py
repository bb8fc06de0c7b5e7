"""The site's workflows, as a flow read them last (flows/read_catalogue.py); the panel itself asks no repository.

When the catalogue has changed since, or the reading is old, it is read anew; what was read last is shown meanwhile.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.catalogue_listing import LISTING_KEY, CatalogueListing, ListedWorkflow, UsableWorkflow
from contracts.failures import FailureCategory, fail
from omero_ui.page import NotThere
from omero_ui.prefect_api.answers import Artifact, BlockDocument
from omero_ui.prefect_api.blocks import WORKFLOW_CATALOGUE, find_block
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import make_flow_run

READ_CATALOGUE = "read-catalogue/read-catalogue"
HOUSEKEEPING = "omero-flows-housekeeping"
#: A branch may have moved since.
OLD = timedelta(hours=1)
#: A reading that failed is tried again after so long.
AGAIN = timedelta(minutes=5)


class Shelf(BaseModel):
    """`listing` None: it was never read. `is_reading`: it is read just now, and the page is asked for again."""

    model_config = ConfigDict(frozen=True)

    listing: CatalogueListing | None
    is_reading: bool
    is_empty: bool


def read_shelf(prefect: PrefectApi) -> Shelf:
    """
    Raises:
        FailureError: PREFECT_UNREACHABLE; NOT_CONFIGURED when the flow that reads is not deployed.
    """
    block = find_block(prefect, WORKFLOW_CATALOGUE)
    if block is None or not block.data.get("workflows"):
        return Shelf(listing=None, is_reading=False, is_empty=True)
    listing, now = read_listing(prefect), datetime.now(UTC)
    changed = listing is None or (block.updated is not None and listing.read < block.updated)
    if changed or (listing is not None and now - listing.read > OLD):
        order_reading(prefect, block, now)
    return Shelf(listing=listing, is_reading=changed, is_empty=False)


def read_listing(prefect: PrefectApi) -> CatalogueListing | None:
    """The newest listing; None when there is none, or an older version of this software made it."""
    found = prefect.get(f"/artifacts/{LISTING_KEY}/latest")
    if found is None:
        return None
    data = Artifact.model_validate(found).data
    try:
        return CatalogueListing.model_validate_json(data if isinstance(data, str) else json.dumps(data))
    except ValidationError:
        return None


def order_reading(prefect: PrefectApi, block: BlockDocument, now: datetime) -> None:
    """Once for each state of the block, and again after a while: many pages make one run."""
    span = int(now.timestamp() // AGAIN.total_seconds())
    token = uuid.uuid5(block.id, f"read {block.updated} {span}")
    make_flow_run(prefect, READ_CATALOGUE, {}, name="read the catalogue", token=token, tags=[HOUSEKEEPING])


def find_usable(prefect: PrefectApi, name: str) -> tuple[ListedWorkflow, UsableWorkflow]:
    """
    Raises:
        NotThere: no workflow of the catalogue has this name.
        FailureError: why it cannot be run; NOT_CONFIGURED while it was not read yet.
    """
    shelf = read_shelf(prefect)
    workflow = None if shelf.listing is None else shelf.listing.find(name)
    if workflow is None:
        if shelf.is_reading:
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                "The workflows are being read.",
                next_step="Try again in a few seconds; if it stays so, no worker runs: tell your administrator.",
            )
        raise NotThere
    if workflow.usable is None:
        raise fail(
            FailureCategory.BROKEN_DESCRIPTOR,
            f"The workflow {name!r} cannot be used.",
            detail="" if workflow.failure is None else f"{workflow.failure.summary} {workflow.failure.detail}".strip(),
            next_step="Choose another; an administrator can correct it.",
        )
    return workflow, workflow.usable
