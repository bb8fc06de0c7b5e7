"""The report of a batch of analyses, for the person who reads it in the morning, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from prefect.artifacts import Artifact, acreate_markdown_artifact
from prefect.utilities.urls import url_for

from contracts.batch.rule_report import AnalysisBatchReport, ImageCounts, RuleReport, RuleRun, rule_report_key
from tasks.batch_report import page_key
from tasks.causes_table import MOST_ROWS, causes_table, say_more
from tasks.report import as_text

#: Artifact type of the report as JSON; `omero-flows batch show` reads it.
BATCH_REPORT = "batch-analysis-report"


async def publish_analysis_batch_report(report: AnalysisBatchReport) -> None:
    """Publish the report as the run's page, and the same as JSON."""
    await Artifact(
        type=BATCH_REPORT,
        key=rule_report_key(report.batch),
        description=report.summary,
        data=report.model_dump(mode="json"),
    ).acreate()
    await acreate_markdown_artifact(markdown=as_page(report), key=page_key(report.batch), description=report.summary)


def as_page(report: AnalysisBatchReport) -> str:
    """Markdown: what went wrong and what to do, what each rule found, what was placed, how earlier runs stand."""
    lines = [
        f"# {as_text(report.title)}",
        "",
        f"**{report.summary}.** From {report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC. The runs go on by"
        " themselves; the next report tells how they ended.",
        "",
        *causes_table(report.causes()),
        *_rules(report),
        *(line for heading, runs in report.runs.items() for line in _runs(heading, runs)),
    ]
    return "\n".join(lines)


def _rules(report: AnalysisBatchReport) -> list[str]:
    if not report.rules:
        return ["There is no rule.", ""]
    lines = ["## What the rules found, in images", ""]
    counted = ImageCounts().named
    lines.append(f"| Rule | Group | {' | '.join(counted)} |")
    lines.append(f"| --- | --- | {' | '.join('---:' for _ in counted)} |")
    lines += [_rule(rule) for rule in report.rules[:MOST_ROWS]]
    return [*lines, *say_more(len(report.rules)), ""]


def _rule(rule: RuleReport) -> str:
    counts = " | ".join(f"{count:,}" for count in rule.images.named.values())
    return f"| {as_text(rule.title)} | {as_text(rule.group)} | {counts} |"


def _runs(heading: str, runs: Sequence[RuleRun]) -> list[str]:
    lines = [f"## {heading}", "", "| Run | Images | Stands | |", "| --- | ---: | --- | --- |"]
    lines += [_run(run) for run in runs[:MOST_ROWS]]
    return [*lines, *say_more(len(runs)), ""]


def _run(run: RuleRun) -> str:
    standing = f"**{run.standing.value}**" if run.is_bad else run.standing.value
    said = as_text(run.said)
    if run.is_bad:
        said += f" Try it again: `omero-flows retry {run.uuid}`"
    return f"| {_link(run.title, run.flow_run)} | {run.images:,} | {standing} | {said} |"


def _link(title: str, flow_run: UUID) -> str:
    url = url_for("flow-run", obj_id=flow_run)
    return as_text(title) if url is None else f"[{as_text(title)}]({url})"
