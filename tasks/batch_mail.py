"""The report of a night's imports as e-mail."""

from __future__ import annotations

from email.message import EmailMessage

from contracts.batch.report import BatchReport
from tasks.report_mail import make_mail

#: Destinations that are listed in a mail.
MOST_PLACES = 40


def as_mail(report: BatchReport, address: str | None) -> EmailMessage:
    """`make_mail`, with who got what."""
    return make_mail(report, report.run, _who_got_what(report), address)


def _who_got_what(report: BatchReport) -> list[str]:
    new = [part for part in report.parts if part.imported]
    if not new:
        return []
    lines = ["", "Imported:"]
    lines += [f"  {part.imported:,} for {part.user} -> {part.report.destination}" for part in new[:MOST_PLACES]]
    return lines + ([f"  and to {len(new) - MOST_PLACES:,} more places"] if len(new) > MOST_PLACES else [])
