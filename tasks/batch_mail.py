"""The report of a night as e-mail: the first thing that somebody reads in the morning."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from blocks.mail_server import MailServer
from blocks.omero_failures import failure_of
from contracts.batch.report import BatchReport
from contracts.failures import Failure
from tasks.order_run import load_block

MAIL_BLOCK = "omero-flows"
#: Destinations that are listed in a mail.
MOST_PLACES = 40


async def send_report(report: BatchReport, address: str | None) -> Failure | None:
    """Send the report where the site has a mail server; the failure when that did not work.

    `address`: of the run's page. A report that is sent twice, as the run was killed in between, has one Message-ID.
    """
    try:
        async with get_client() as client:
            await client.read_block_document_by_name(MAIL_BLOCK, MailServer.get_block_type_slug())
    except ObjectNotFound:
        return None
    try:
        server = await load_block(MailServer, MAIL_BLOCK)
        if server.only_failures and report.is_complete:
            return None
        await asyncio.to_thread(server.send, as_mail(report, address))
    except Exception as error:  # noqa: BLE001  whatever befalls the mail, the report is published and says so
        failure = failure_of(error, "send the report by e-mail")
        get_run_logger().error("%s %s", failure.summary, failure.detail)
        return failure
    get_run_logger().info("The report was sent to %s", ", ".join(server.recipients))
    return None


def as_mail(report: BatchReport, address: str | None) -> EmailMessage:
    """Plain text: what there is in all, what went wrong and what to do, who got what, where to read on."""
    message = EmailMessage()
    verdict = "all well" if report.is_complete else "something is to be done"
    message["Subject"] = " ".join(f"{report.title}: {verdict} ({report.summary})".split())
    message["Message-ID"] = f"<batch-{report.run}@omero-flows>"
    message.set_content("\n".join(_lines(report, address)) + "\n")
    return message


def _lines(report: BatchReport, address: str | None) -> list[str]:
    lines = [f"{report.title}: {report.summary}.", f"{report.began:%Y-%m-%d %H:%M} to {report.ended:%H:%M} UTC."]
    for cause in report.causes():
        lines += ["", f"{cause.count:,} x {cause.category.value}", f"  What to do: {cause.next_step}"]
        lines += [f"  {where}: {summary}" for where, summary in cause.examples]
        more = cause.count - len(cause.examples)
        lines += [f"  and {more:,} more"] if more else []
    new = [part for part in report.parts if part.imported]
    if new:
        lines += ["", "Imported:"]
        lines += [f"  {part.imported:,} for {part.user} -> {part.report.destination}" for part in new[:MOST_PLACES]]
        lines += [f"  and to {len(new) - MOST_PLACES:,} more places"] if len(new) > MOST_PLACES else []
    return [*lines, "", f"The whole report: {address}"] if address is not None else lines
