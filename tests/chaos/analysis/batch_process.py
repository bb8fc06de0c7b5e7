"""`python -m tests.chaos.analysis.batch_process FILE`: a batch of the rule in FILE, in a process to be killed.

It writes its report, as JSON, beside FILE when it comes to its end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import AnalysisBatchReport
from flows.batch_analysis import batch_analysis


async def run(rule: AnalysisRule) -> AnalysisBatchReport:
    state = await batch_analysis(title="Chaos", rules=(rule,), return_state=True)
    report = await state.aresult(raise_on_failure=False)
    assert isinstance(report, AnalysisBatchReport), report
    return report


if __name__ == "__main__":
    file = Path(sys.argv[1])
    written = asyncio.run(run(AnalysisRule.model_validate_json(file.read_text("utf-8"))))
    file.with_suffix(".report").write_text(written.model_dump_json(), "utf-8")
