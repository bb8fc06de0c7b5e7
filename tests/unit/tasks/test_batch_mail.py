"""The report as e-mail: its text word for word, and on its way through a real mail server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from blocks.mail_server import MailServer
from contracts.batch.report import BatchPart, BatchReport
from contracts.destination import Destination, DestinationType
from contracts.failures import Failure, FailureCategory, FailureError
from contracts.import_report import FileOutcome, FileState, ImportReport
from tasks.batch_mail import as_mail
from tests.post_office import Kept

RUN = uuid.UUID("11111111-2222-4333-8444-555555555555")


def report(failures: int = 0) -> BatchReport:
    failure = Failure(category=FailureCategory.FILE_EMPTY, summary="'a.tif' is empty.", next_step="Copy it again.")
    files = tuple(
        FileOutcome(path=f"day/{number}.tif", state=FileState.FAILED, failure=failure) for number in range(failures)
    )
    destination = Destination(type=DestinationType.DATASET, name="Monday")
    part = BatchPart(
        user="alice",
        group="lab-a",
        report=ImportReport(uuid=RUN, destination=destination, files=files),
        imported=1200,
        there=3,
        failed=failures,
    )
    began = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    return BatchReport(run=RUN, title="Nightly import", began=began, ended=began.replace(hour=2), parts=(part,))


def test_what_stands_in_the_mail() -> None:
    message = as_mail(report(failures=7), "https://omero.example.org/prefect/runs/1")
    assert message["Subject"] == (
        "Nightly import: something is to be done (1,200 files imported, 3 were there, 7 failed)"
    )
    assert (
        message.get_content()
        == """\
Nightly import: 1,200 files imported, 3 were there, 7 failed.
2026-11-24 01:00 to 02:00 UTC.

7 x file-empty
  What to do: Copy it again.
  lab-a/day/0.tif: 'a.tif' is empty.
  lab-a/day/1.tif: 'a.tif' is empty.
  lab-a/day/2.tif: 'a.tif' is empty.
  lab-a/day/3.tif: 'a.tif' is empty.
  lab-a/day/4.tif: 'a.tif' is empty.
  and 2 more

Imported:
  1,200 for alice -> Dataset "Monday"

The whole report: https://omero.example.org/prefect/runs/1
"""
    )


def test_a_night_in_which_all_is_well_says_so() -> None:
    message = as_mail(report(), None)
    assert "all well" in message["Subject"]
    assert "What to do" not in message.get_content()


def server(port: int, **fields: object) -> MailServer:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "flows@example.org", **fields}
    return MailServer.model_validate({"recipients": ["admin@example.org"], **given})


def test_it_arrives(post_office: tuple[Kept, int]) -> None:
    kept, port = post_office
    server(port).send(as_mail(report(), None))
    [message] = kept.messages
    assert (message["From"], message["To"]) == ("flows@example.org", "admin@example.org")
    assert message["Message-ID"] == f"<batch-{RUN}@omero-flows>"


def test_a_recipient_that_is_refused_is_told_and_the_others_get_it(post_office: tuple[Kept, int]) -> None:
    kept, port = post_office
    with pytest.raises(FailureError) as error:
        server(port, recipients=["gone@example.org", "admin@example.org"]).send(as_mail(report(), None))
    assert error.value.failure.category is FailureCategory.MAIL_NOT_SENT
    assert "gone@example.org: 550 no such mailbox" in error.value.failure.detail
    assert len(kept.messages) == 1


def test_no_password_goes_out_in_the_clear(post_office: tuple[Kept, int]) -> None:
    kept, port = post_office
    for security in ("none", "starttls"):
        with pytest.raises(FailureError) as error:
            server(port, user="flows", password=SecretStr("secret"), security=security).send(as_mail(report(), None))
        assert error.value.failure.category is FailureCategory.MAIL_NOT_SENT
        assert "secret" not in str(error.value)
    assert kept.messages == []


def test_nobody_there_is_a_failure_like_any_other() -> None:
    with pytest.raises(FailureError) as error:
        server(1).send(as_mail(report(), None))
    assert error.value.failure.category is FailureCategory.MAIL_NOT_SENT
