"""The report of a batch of analyses as e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

from contracts.batch.rule_report import AnalysisBatchReport, RuleRun
from tasks.report_mail import cause_lines, make_mail

#: Runs that are listed under one heading.
MOST_RUNS = 40


def as_mail(report: AnalysisBatchReport, address: str | None) -> EmailMessage:
    """What there is in all, what went wrong and what to do, what was placed, how earlier runs ended, where to read on.

    `address`: of the batch's page.
    """
    return make_mail(
        title=report.title,
        summary=report.summary,
        is_complete=report.is_complete,
        message_id=f"batch-{report.batch}",
        lines=_lines(report, address),
    )


def _lines(report: AnalysisBatchReport, address: str | None) -> list[str]:
    lines = [f"{report.title}: {report.summary}.", f"{report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC."]
    lines += cause_lines(report.causes())
    for heading, runs in (
        ("Placed", report.placed),
        ("Tried again", report.retried),
        ("Runs of earlier batches", report.earlier),
    ):
        lines += _runs(heading, runs)
    return [*lines, "", f"The whole report: {address}"] if address is not None else lines


def _runs(heading: str, runs: Sequence[RuleRun]) -> list[str]:
    if not runs:
        return []
    lines = ["", f"{heading}:"]
    lines += [f"  {run.uuid}  {run.title}: {run.standing.value}" for run in runs[:MOST_RUNS]]
    return lines + ([f"  and {len(runs) - MOST_RUNS:,} more"] if len(runs) > MOST_RUNS else [])
