"""The site's block documents, without their secrets."""

from __future__ import annotations

from contracts.failures import FailureCategory, fail
from omero_ui.prefect_api.answers import BlockDocument
from omero_ui.prefect_api.connection import PrefectApi

#: Every block of the site has this name.
BLOCK_NAME = "omero-flows"

IMAGE_STORAGE = "image-storage"
WORKFLOW_CATALOGUE = "workflow-catalogue"
SLURM_CLUSTER = "slurm-cluster"


def read_block(prefect: PrefectApi, block_type: str) -> BlockDocument:
    """The site's block of a type, by the type's slug.

    Raises:
        FailureError: NOT_CONFIGURED when there is none.
    """
    found = find_block(prefect, block_type)
    if found is None:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The workflow engine has no block {block_type}/{BLOCK_NAME}.",
            next_step="An administrator has to run `omero-flows deploy`.",
        )
    return found


def find_block(prefect: PrefectApi, block_type: str) -> BlockDocument | None:
    """As `read_block`; None where a site does without it."""
    found = prefect.get(f"/block_types/slug/{block_type}/block_documents/name/{BLOCK_NAME}?include_secrets=false")
    return None if found is None else BlockDocument.model_validate(found)
