"""The analyses that a night's batch starts by itself."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field
from pydantic.networks import HttpUrl

from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.watch_rule import RuleName


class AnalysisRules(Block):
    """Rules by which new images are analysed at night: which workflow, whose, and on what in OMERO.

    Example:
        Look at the rules:
        ```python
        from blocks.analysis_rules import AnalysisRules

        standing = AnalysisRules.load("BLOCK_NAME")
        print(standing.rules)
        ```
    """

    _block_type_name = "Analysis Rules"
    _block_type_slug = "analysis-rules"
    _logo_url = HttpUrl("https://www.openmicroscopy.org/img/logos/ome-logomark.svg")
    _documentation_url = HttpUrl("https://neubias-wg5.github.io/")

    rules: dict[RuleName, AnalysisRule] = Field(default_factory=dict, description="Rules by name.")
