"""The report of a night's imports as e-mail."""

from __future__ import annotations

from email.message import EmailMessage

from contracts.batch.report import BatchReport
from tasks.report_mail import cause_lines, make_mail

#: Destinations that are listed in a mail.
MOST_PLACES = 40


def as_mail(report: BatchReport, address: str | None) -> EmailMessage:
    """What there is in all, what went wrong and what to do, who got what, where to read on.

    `address`: of the run's page.
    """
    return make_mail(
        title=report.title,
        summary=report.summary,
        is_complete=report.is_complete,
        message_id=f"batch-{report.run}",
        lines=_lines(report, address),
    )


def _lines(report: BatchReport, address: str | None) -> list[str]:
    lines = [f"{report.title}: {report.summary}.", f"{report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC."]
    lines += cause_lines(report.causes())
    new = [part for part in report.parts if part.imported]
    if new:
        lines += ["", "Imported:"]
        lines += [f"  {part.imported:,} for {part.user} -> {part.report.destination}" for part in new[:MOST_PLACES]]
        lines += [f"  and to {len(new) - MOST_PLACES:,} more places"] if len(new) > MOST_PLACES else []
    return [*lines, "", f"The whole report: {address}"] if address is not None else lines
