"""The report of a batch of analyses as e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

from contracts.batch.rule_report import AnalysisBatchReport, RuleRun
from tasks.report_mail import make_mail

#: Runs that are listed under one heading.
MOST_RUNS = 40


def as_mail(report: AnalysisBatchReport, address: str | None) -> EmailMessage:
    """`make_mail`, with what was placed and how earlier runs ended."""
    details = [line for heading, runs in report.runs.items() for line in _runs(heading, runs)]
    return make_mail(report, report.batch, details, address)


def _runs(heading: str, runs: Sequence[RuleRun]) -> list[str]:
    lines = ["", f"{heading}:"]
    lines += [f"  {run.uuid}  {run.title}: {run.standing.value}" for run in runs[:MOST_RUNS]]
    return lines + ([f"  and {len(runs) - MOST_RUNS:,} more"] if len(runs) > MOST_RUNS else [])
