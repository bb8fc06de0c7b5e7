"""The report of a batch of analyses: its summary, its e-mail word for word, and when something is to be done."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.batch.rule_report import (
    AnalysisBatchReport,
    ImageCounts,
    RuleProblem,
    RuleReport,
    RuleRun,
    RunStanding,
)
from contracts.failures import Failure, FailureCategory
from tasks.rule_report_mail import as_mail
from tasks.rule_report_page import as_page

BATCH = uuid.UUID("11111111-2222-4333-8444-555555555555")
BEGAN = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
GONE = Failure(
    category=FailureCategory.UNKNOWN_INPUT,
    summary="There is no Dataset 13 that 'alice' can see.",
    next_step="Leave out what was deleted.",
)
MEMORY = Failure(
    category=FailureCategory.JOB_OUT_OF_MEMORY, summary="Task 3 needed more memory.", next_step="Ask for more memory."
)


def run(number: int, standing: RunStanding, images: int = 1, **fields: Any) -> RuleRun:
    return RuleRun(
        uuid=uuid.UUID(int=number),
        flow_run=uuid.UUID(int=100 + number),
        title=f"nuclei on {images} images",
        images=images,
        standing=standing,
        **fields,
    )


def report(**fields: Any) -> AnalysisBatchReport:
    rule = RuleReport(
        rule=uuid.UUID(int=9), title="nuclei on Dataset 12 for alice", user="alice", group="lab-a", **fields
    )
    return AnalysisBatchReport(
        batch=BATCH, title="Nightly analysis", began=BEGAN, ended=BEGAN.replace(minute=2), rules=(rule,)
    )


FULL = report(
    images=ImageCounts(results=4, done=9, under_way=2, failed=3, new=250),
    placed=(run(1, RunStanding.UNDER_WAY, 200), run(2, RunStanding.UNDER_WAY, 48)),
    retried=(run(3, RunStanding.UNDER_WAY),),
    earlier=(
        run(4, RunStanding.SUCCEEDED, 9),
        run(5, RunStanding.FAILED, 3, failure=MEMORY, said="3 of 4 tasks succeeded"),
        run(6, RunStanding.UNDER_WAY, 2),
        run(7, RunStanding.FAILED, 5, failure=MEMORY, is_news=False),
    ),
    problems=(
        RuleProblem(where="Dataset 13", failure=GONE),
        RuleProblem(where="Image 7, Image 8", failure=MEMORY, images=2),
    ),
)


def test_what_stands_in_the_mail() -> None:
    message = as_mail(FULL, "https://omero.example.org/prefect/runs/1")
    assert message["Subject"].replace("\n", "") == (
        "Nightly analysis: something is to be done (248 new images in 2 runs; 1 failed run tried again;"
        " 2 images could not be placed; 1 problem; earlier runs: 1 under way, 1 succeeded, 1 failed)"
    )
    assert message["Message-ID"] == f"<batch-{BATCH}@omero-flows>"
    assert (
        message.get_content()
        == """\
Nightly analysis: 248 new images in 2 runs; 1 failed run tried again; 2 images could not be placed; 1 problem; \
earlier runs: 1 under way, 1 succeeded, 1 failed.
2026-11-24 04:00 to 04:02 UTC.

10 x job-out-of-memory
  What to do: Ask for more memory.
  nuclei on Dataset 12 for alice: Image 7, Image 8: Task 3 needed more memory.
  nuclei on 3 images: Task 3 needed more memory.
  nuclei on 5 images: Task 3 needed more memory.
  and 7 more

1 x unknown-input
  What to do: Leave out what was deleted.
  nuclei on Dataset 12 for alice: Dataset 13: There is no Dataset 13 that 'alice' can see.

Placed:
  00000000-0000-0000-0000-000000000001  nuclei on 200 images: under way
  00000000-0000-0000-0000-000000000002  nuclei on 48 images: under way

Tried again:
  00000000-0000-0000-0000-000000000003  nuclei on 1 images: under way

Runs of earlier batches:
  00000000-0000-0000-0000-000000000004  nuclei on 9 images: succeeded
  00000000-0000-0000-0000-000000000005  nuclei on 3 images: failed
  00000000-0000-0000-0000-000000000006  nuclei on 2 images: under way
  00000000-0000-0000-0000-000000000007  nuclei on 5 images: failed

The whole report: https://omero.example.org/prefect/runs/1
"""
    )


def test_what_stands_on_the_page() -> None:
    page = as_page(FULL)
    assert "| nuclei on Dataset 12 for alice | lab-a | 250 | 2 | 9 | 3 | 4 |" in page
    assert f"| 3 | **failed** | 3 of 4 tasks succeeded Try it again: `omero-flows retry {uuid.UUID(int=5)}` |" in page
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Nightly analysis",
        "## What went wrong, and what to do",
        "## What the rules found, in images",
        "## Placed",
        "## Tried again",
        "## Runs of earlier batches",
    ]


@pytest.mark.parametrize(
    ("fields", "is_complete"),
    [
        ({}, True),
        ({"placed": (run(1, RunStanding.UNDER_WAY),)}, True),
        ({"earlier": (run(1, RunStanding.UNDER_WAY), run(2, RunStanding.SUCCEEDED))}, True),
        ({"earlier": (run(1, RunStanding.FAILED, failure=MEMORY),)}, False),
        ({"earlier": (run(1, RunStanding.CANCELLED, failure=MEMORY),)}, False),
        # It was told of before: it stays in the report, and does not make every night a bad one.
        ({"earlier": (run(1, RunStanding.FAILED, failure=MEMORY, is_news=False),)}, True),
        ({"problems": (RuleProblem(where="Dataset 13", failure=GONE),)}, False),
    ],
)
def test_when_something_is_to_be_done(fields: dict[str, Any], is_complete: bool) -> None:
    assert report(**fields).is_complete is is_complete


def test_a_run_of_two_rules_is_told_once() -> None:
    one = report(placed=(run(1, RunStanding.UNDER_WAY, 5),))
    twice = one.model_copy(update={"rules": one.rules * 2})
    assert twice.summary == "5 new images in 1 run"
