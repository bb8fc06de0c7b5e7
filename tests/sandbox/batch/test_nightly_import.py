"""The night itself: watched folders, the report in Prefect and by e-mail, and the next night."""

from __future__ import annotations

import asyncio

from prefect.client.orchestration import get_client

from blocks.mail_server import MailServer
from blocks.watched_folders import WatchedFolders
from cli.batch_watch import read_batch_report
from contracts.batch.watch_rule import WatchRule
from contracts.failures import FailureCategory
from tasks.batch_report import shorten
from tasks.batch_sources import WATCHED_BLOCK
from tasks.report_mail import MAIL_BLOCK
from tests.post_office import Kept
from tests.sandbox.batch.conftest import Batches


async def test_a_night(batches: Batches, post_office: tuple[Kept, int]) -> None:
    """What has arrived is imported for whom its folder names; what is not whole waits; the report goes out."""
    kept, port = post_office
    folder, mark = batches.folder, batches.mark
    batches.write_tiff("a.tif", folder / "alice" / mark)
    batches.write_tiff("b.tif", folder / "bob" / mark)
    batches.write_tiff("growing.tif", folder / "bob" / mark)
    batches.write_tiff("c.tif", folder / "nobody" / mark)
    for whole in ("alice/{}/a.done", "bob/{}/b.done", "nobody/{}/c.done"):
        (folder / whole.format(mark)).touch()
    rule = WatchRule(
        group="lab-a", pattern=f"{folder.name}/{{user}}/{{day}}/*.tif", user="{user}", dataset="Night {day}",
        project="Nights", end_marker="{stem}.done",
    )  # fmt: skip
    before = await WatchedFolders.aload(WATCHED_BLOCK)
    mail = MailServer(
        host="127.0.0.1", port=port, security="none", sender="flows@example.org", recipients=["admin@example.org"]
    )
    try:
        await WatchedFolders(rules={"nights": rule}).asave(WATCHED_BLOCK, overwrite=True)
        await mail.asave(MAIL_BLOCK, overwrite=True)
        report = await batches.run(title="Night", watched=True)
        assert (report.imported, report.failed) == (2, 1), report.summary
        [cause] = report.causes()
        assert (cause.category, cause.examples[0][0]) == (
            FailureCategory.UNKNOWN_USER,
            f"lab-a/{folder.name}/nobody/{mark}/c.tif",
        )
        async with get_client() as client:
            assert await read_batch_report(client, report.run) == shorten(report)
        [message] = kept.messages
        assert report.summary in message["Subject"].replace("\n", "")

        (folder / "bob" / mark / "growing.done").touch()
        await mail.model_copy(update={"port": 1}).asave(MAIL_BLOCK, overwrite=True)
        again = await batches.run(title="Next night", watched=True)
        assert (again.imported, again.there, again.failed) == (1, 2, 1), again.summary
        assert again.mail is not None and again.mail.category is FailureCategory.MAIL_NOT_SENT
    finally:
        await before.asave(WATCHED_BLOCK, overwrite=True)
        async with get_client() as client:
            found = await client.read_block_document_by_name(MAIL_BLOCK, MailServer.get_block_type_slug())
            await client.delete_block_document(found.id)
    images = await asyncio.to_thread(batches.images_in, f"Night {mark}")
    assert images == {"alice/a.tif": 1, "bob/b.tif": 1, "bob/growing.tif": 1}
