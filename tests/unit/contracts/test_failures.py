"""Every kind of failure has a decision about trying again, and says what to do."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.failures import AWAITED, RETRYABLE, Failure, FailureCategory, FailureError, fail


def test_every_category_has_a_decision() -> None:
    assert set(RETRYABLE) == set(FailureCategory)


def test_only_what_time_can_mend_is_tried_again() -> None:
    assert {category.value for category, again in RETRYABLE.items() if again} == {
        "omero-unreachable",
        "checksum-mismatch",
        "cluster-unreachable",
        "scheduler-unavailable",
        "submission-in-doubt",
        "transfer-incomplete",
        "storage-unavailable",
        "prefect-unreachable",
        "descriptor-unreachable",
        "biomero-unreachable",
    }


def test_only_what_is_tried_again_is_waited_for() -> None:
    assert all(RETRYABLE[category] for category in AWAITED)


def test_a_failure_without_a_next_step_is_refused() -> None:
    with pytest.raises(ValidationError):
        Failure(category=FailureCategory.DISK_FULL, summary="full", next_step="")


def test_the_error_says_all_three() -> None:
    error = fail(FailureCategory.FILE_EMPTY, "a.tif is empty", detail="0 bytes", next_step="copy it again")
    assert isinstance(error, FailureError)
    assert str(error) == "[file-empty] a.tif is empty (0 bytes) Next: copy it again"


def test_an_endless_summary_moves_into_the_detail() -> None:
    failure = fail(FailureCategory.IMPORT_FAILED, "x" * 900, detail="why", next_step="look").failure
    assert len(failure.summary) == 500
    assert failure.detail.startswith("x" * 900) and failure.detail.endswith("why")


def test_survives_json() -> None:
    failure = fail(FailureCategory.UNKNOWN, "odd", next_step="ask").failure
    assert Failure.model_validate_json(failure.model_dump_json()) == failure
