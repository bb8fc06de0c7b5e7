"""The site's blocks, as the commands read and write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from prefect.blocks.core import Block

from contracts.failures import FailureCategory, fail

#: Every block of the site has this name.
BLOCK_NAME = "omero-flows"

_Block = TypeVar("_Block", bound=Block)


async def find_block(kind: type[_Block]) -> _Block | None:
    """The site's block of a kind; None when there is none yet.

    Raises:
        FailureError: NOT_CONFIGURED when what is there is no block of this version.
    """
    if not await _exists(kind):
        return None
    try:
        return await kind.aload(BLOCK_NAME)
    except ValueError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"The {kind.__name__} block is not right.",
            detail=str(error),
            next_step="Correct it in the Prefect UI, or write it anew.",
        ) from error


async def save_blocks(blocks: Sequence[Block], *, replace: bool) -> None:
    """Save new blocks of the site: all of them, or none.

    Raises:
        FailureError: BAD_REQUEST when there is one already and it is not to be replaced.
    """
    there = [type(block).__name__ for block in blocks if not replace and await _exists(type(block))]
    if there:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"There is a {' and a '.join(there)} block already; nothing was saved.",
            next_step="Look at it in the Prefect UI. --replace puts this one in its place.",
        )
    for block in blocks:
        await block.asave(BLOCK_NAME, overwrite=True)


async def _exists(kind: type[Block]) -> bool:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    async with get_client() as client:
        try:
            await client.read_block_document_by_name(BLOCK_NAME, kind.get_block_type_slug())
        except ObjectNotFound:
            return False
    return True
