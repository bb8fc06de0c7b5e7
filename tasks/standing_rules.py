"""The rules that the site has in its block, which every night follows."""

from __future__ import annotations

from blocks.analysis_rules import AnalysisRules
from contracts.batch.analysis_rule import AnalysisRule
from tasks.order_run import load_block

RULES_BLOCK = "omero-flows"


async def read_standing_rules() -> tuple[AnalysisRule, ...]:
    """All rules of the block, in the sequence of their names.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    block = await load_block(AnalysisRules, RULES_BLOCK)
    return tuple(block.rules[name] for name in sorted(block.rules))
