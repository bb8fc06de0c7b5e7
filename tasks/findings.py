"""What was found, as a page of the run; a run that found something to mend has failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect.artifacts import Artifact, acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from contracts.finding import FINDINGS_TYPE, Finding, artifact_key, findings_key
from tasks.report import as_text


async def conclude(findings: Sequence[Finding], key: str) -> State[Any]:
    """Publish the findings, for people and as JSON; the state to end with holds them, and is Failed when something is
    to be mended.
    """
    await acreate_markdown_artifact(markdown=as_table(findings), key=artifact_key(key))
    await Artifact(
        type=FINDINGS_TYPE, key=findings_key(key), data=[finding.model_dump(mode="json") for finding in findings]
    ).acreate()
    wrong = [finding for finding in findings if finding.failure is not None]
    if wrong:
        return Failed(message=f"{len(wrong)} of {len(findings)} things are to be mended", data=list(findings))
    return Completed(message=f"{len(findings)} things are well", data=list(findings))


def as_table(findings: Sequence[Finding]) -> str:
    """What is to be mended first."""
    rows = ["| | Found | What to do |", "| --- | --- | --- |"]
    for finding in sorted(findings, key=lambda finding: finding.failure is None):
        failure = finding.failure
        said = finding.found if failure is None else f"{failure.summary} {failure.detail}".strip()
        mark = "✓" if failure is None else "✗"
        step = "" if failure is None else failure.next_step
        rows.append(f"| {mark} {as_text(finding.subject)} | {as_text(said)} | {as_text(step)} |")
    return "\n".join(rows)
