"""Sending a report by e-mail: the first thing that somebody reads in the morning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from blocks.mail_server import MailServer
from blocks.omero_failures import failure_of
from contracts.batch.causes import Cause
from contracts.failures import Failure
from tasks.order_run import load_block

MAIL_BLOCK = "omero-flows"


async def send_report(message: EmailMessage, *, is_complete: bool) -> Failure | None:
    """Send a report where the site has a mail server; the failure when that did not work.

    `is_complete`: nothing is to be done; some sites want no mail then.
    """
    try:
        async with get_client() as client:
            await client.read_block_document_by_name(MAIL_BLOCK, MailServer.get_block_type_slug())
    except ObjectNotFound:
        return None
    try:
        server = await load_block(MailServer, MAIL_BLOCK)
        if server.only_failures and is_complete:
            return None
        await asyncio.to_thread(server.send, message)
    except Exception as error:  # noqa: BLE001  whatever befalls the mail, the report is published and says so
        failure = failure_of(error, "send the report by e-mail")
        get_run_logger().error("%s %s", failure.summary, failure.detail)
        return failure
    get_run_logger().info("The report was sent to %s", ", ".join(server.recipients))
    return None


class Report(Protocol):
    """The report of a batch, whatever it did."""

    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def is_complete(self) -> bool: ...
    @property
    def began(self) -> datetime: ...
    @property
    def ended(self) -> datetime: ...
    def causes(self) -> Iterable[Cause]: ...


def make_mail(report: Report, run: UUID, details: Iterable[str], address: str | None) -> EmailMessage:
    """Plain text: what there is in all, what went wrong and what to do, the details, where to read on.

    A report that is sent twice, as the batch's flow run was killed in between, has one Message-ID. `address`: of its
    page.
    """
    message = EmailMessage()
    verdict = "all well" if report.is_complete else "something is to be done"
    message["Subject"] = " ".join(f"{report.title}: {verdict} ({report.summary})".split())
    message["Message-ID"] = f"<batch-{run}@omero-flows>"
    lines = [
        f"{report.title}: {report.summary}.",
        f"{report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC.",
        *_cause_lines(report.causes()),
        *details,
        *(["", f"The whole report: {address}"] if address is not None else []),
    ]
    message.set_content("\n".join(lines) + "\n")
    return message


def _cause_lines(causes: Iterable[Cause]) -> list[str]:
    """What went wrong, and what to do."""
    lines: list[str] = []
    for cause in causes:
        lines += ["", f"{cause.count:,} x {cause.category.value}", f"  What to do: {cause.next_step}"]
        lines += [f"  {where}: {summary}" for where, summary in cause.examples]
        more = cause.count - len(cause.examples)
        lines += [f"  and {more:,} more"] if more > 0 else []
    return lines
