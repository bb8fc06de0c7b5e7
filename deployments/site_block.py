"""A block of the site, as deploy and the commands look for it."""

from __future__ import annotations

from typing import TypeVar

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from contracts.failures import FailureCategory, fail

#: Every block of the site has this name.
BLOCK_NAME = "omero-flows"

_Block = TypeVar("_Block", bound=Block)


async def has_block(client: PrefectClient, type_slug: str, name: str = BLOCK_NAME) -> bool:
    """Whether there is a block of a type, readable or not."""
    try:
        await client.read_block_document_by_name(name, type_slug)
    except ObjectNotFound:
        return False
    return True


async def is_of_this_version(client: PrefectClient, kind: type[Block], name: str = BLOCK_NAME) -> bool:
    """Whether a block that is there was saved with the fields that this version has."""
    document = await client.read_block_document_by_name(name, kind.get_block_type_slug())
    return document.block_schema is not None and document.block_schema.checksum == kind._calculate_schema_checksum()


async def find_block(client: PrefectClient, kind: type[_Block], name: str = BLOCK_NAME) -> _Block | None:
    """A block; None when there is none yet.

    Raises:
        FailureError: NOT_CONFIGURED when what is there is no block of this version.
    """
    slug = kind.get_block_type_slug()
    if not await has_block(client, slug, name):
        return None
    try:
        return await kind.aload(name)
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The block {slug}/{name} is not right.",
            detail=str(error),
            next_step="Correct it in the Prefect UI; or `omero-flows deploy --overwrite` writes it anew.",
        ) from error
