"""Read every workflow of the catalogue, so that pages can show them without asking the web."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from prefect.artifacts import Artifact

from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.catalogue_listing import LISTING_KEY, LISTING_TYPE, CatalogueListing, ListedWorkflow, list_usable
from contracts.failures import FailureCategory, FailureError, fail

#: Descriptors that are fetched at the same time.
AT_ONCE = 8


def list_workflows(catalogue: WorkflowCatalogue) -> CatalogueListing:
    """Every workflow, by name; one that cannot be read says why and keeps no other away."""
    names = sorted(catalogue.workflows)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        listed = tuple(threads.map(lambda name: _list(catalogue, name), names))
    return CatalogueListing(read=datetime.now(UTC), workflows=listed)


def _list(catalogue: WorkflowCatalogue, name: str) -> ListedWorkflow:
    entry = catalogue.entry(name)
    source = entry.repository or entry.path or ""
    try:
        try:
            usable = list_usable(entry, catalogue.descriptor(name))
        except ValueError as error:
            raise fail(
                FailureCategory.BROKEN_DESCRIPTOR,
                f"The workflow {name!r} cannot be run as the catalogue has it.",
                detail=str(error),
                next_step="Correct the workflow's entry in the catalogue.",
            ) from error
    except FailureError as error:
        return ListedWorkflow(name=name, source=source, failure=error.failure)
    return ListedWorkflow(name=name, source=source, usable=usable)


async def publish_listing(listing: CatalogueListing) -> None:
    """As the newest artifact under its key."""
    await Artifact(
        type=LISTING_TYPE,
        key=LISTING_KEY,
        description=f"{len(listing.workflows)} workflows",
        data=listing.model_dump(mode="json"),
    ).acreate()
