"""New blocks of the site, as the commands save them."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.blocks.core import Block
from prefect.client.orchestration import PrefectClient

from contracts.failures import FailureCategory, fail
from deployments.site_block import BLOCK_NAME, has_block


async def save_blocks(client: PrefectClient, blocks: Sequence[Block], *, replace: bool) -> None:
    """Save new blocks of the site: all of them, or none.

    Raises:
        FailureError: BAD_REQUEST when there is one already and it is not to be replaced.
    """
    if not replace:
        there = [type(one).__name__ for one in blocks if await has_block(client, type(one).get_block_type_slug())]
        if there:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"There is a {' and a '.join(there)} block already; nothing was saved.",
                next_step="Look at it in the Prefect UI. --replace puts this one in its place.",
            )
    for block in blocks:
        await block.asave(BLOCK_NAME, overwrite=True)
