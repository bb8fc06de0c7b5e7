"""The site's catalogue of workflows, as the commands read and write it."""

from __future__ import annotations

from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.failures import FailureCategory, fail
from contracts.workflow_entry import WorkflowEntry

#: Every block of the site has this name.
CATALOGUE_BLOCK = "omero-flows"


async def load_catalogue() -> WorkflowCatalogue | None:
    """The site's catalogue; None when there is none yet.

    Raises:
        FailureError: NOT_CONFIGURED when what is there is no catalogue of this version.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    async with get_client() as client:
        try:
            await client.read_block_document_by_name(CATALOGUE_BLOCK, WorkflowCatalogue.get_block_type_slug())
        except ObjectNotFound:
            return None
    try:
        return await WorkflowCatalogue.aload(CATALOGUE_BLOCK)
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The WorkflowCatalogue block is not right.",
            detail=str(error),
            next_step="Correct it in the Prefect UI, or write it anew.",
        ) from error


async def save_catalogue(workflows: dict[str, WorkflowEntry], *, replace: bool) -> None:
    """Save a new catalogue.

    Raises:
        FailureError: BAD_REQUEST when there is one already and it is not to be replaced.
    """
    existing = await load_catalogue()
    if existing is not None and not replace:
        names = ", ".join(sorted(existing.workflows)) or "no workflow"
        raise fail(
            FailureCategory.BAD_REQUEST,
            "There is a catalogue already, and it was left as it is.",
            detail=f"It holds: {names}",
            next_step="Add --replace to put this one in its place.",
        )
    await WorkflowCatalogue(workflows=workflows).asave(CATALOGUE_BLOCK, overwrite=True)
