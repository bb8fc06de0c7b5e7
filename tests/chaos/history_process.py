"""`python -m tests.chaos.history_process BLOCK`: take over a history, in a process of its own, to be killed.

What the flow says at its end is its last line.
"""

from __future__ import annotations

import asyncio
import sys

from flows.biomero_history import biomero_history


async def take_over(block: str) -> str:
    state = await biomero_history(database=block, return_state=True)
    assert state.is_completed(), state
    return state.message or ""


if __name__ == "__main__":
    print(asyncio.run(take_over(sys.argv[1])))
