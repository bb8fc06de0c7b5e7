"""Failures are values: what went wrong, what to do next, and whether trying again can help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.base import Contract


class FailureCategory(StrEnum):
    """A stable name for each kind of failure; stored in run histories, so never renamed."""

    # what the order says
    BAD_REQUEST = "bad-request"
    UNKNOWN_USER = "unknown-user"
    UNKNOWN_GROUP = "unknown-group"
    NOT_A_MEMBER = "not-a-member"
    UNKNOWN_DESTINATION = "unknown-destination"
    DESTINATION_NOT_WRITABLE = "destination-not-writable"
    # what is analysed
    UNKNOWN_INPUT = "unknown-input"
    EMPTY_INPUT = "empty-input"
    UNUSABLE_INPUT = "unusable-input"
    TOO_MANY_IMAGES = "too-many-images"
    FORM_NOT_AVAILABLE = "form-not-available"
    # the files
    PATH_OUTSIDE_FOLDER = "path-outside-folder"
    FILE_NOT_FOUND = "file-not-found"
    FILE_NOT_READABLE = "file-not-readable"
    FILE_EMPTY = "file-empty"
    FILE_CHANGED = "file-changed"
    NOT_A_FILE = "not-a-file"
    UNKNOWN_FORMAT = "unknown-format"
    BROKEN_FILE = "broken-file"
    # the converter
    CONVERTER_FAILED = "converter-failed"
    CONVERTER_TIMED_OUT = "converter-timed-out"
    CONVERTER_OUT_OF_MEMORY = "converter-out-of-memory"
    CONVERTER_BROKE_CONTRACT = "converter-broke-contract"
    CONVERTER_NOT_AVAILABLE = "converter-not-available"
    # the workflow
    UNKNOWN_WORKFLOW = "unknown-workflow"
    DESCRIPTOR_NOT_FOUND = "descriptor-not-found"
    DESCRIPTOR_UNREACHABLE = "descriptor-unreachable"
    BROKEN_DESCRIPTOR = "broken-descriptor"
    # the form
    UNKNOWN_FORM = "unknown-form"
    BROKEN_FORM = "broken-form"
    FORM_CHANGED = "form-changed"
    # what an analysis brought back
    LABELS_DO_NOT_FIT = "labels-do-not-fit"
    INPUT_GONE = "input-gone"
    # OMERO
    OMERO_REFUSED_LOGIN = "omero-refused-login"
    OMERO_UNREACHABLE = "omero-unreachable"
    OMERO_REFUSED = "omero-refused"
    IMPORT_FAILED = "import-failed"
    CHECKSUM_MISMATCH = "checksum-mismatch"
    REPOSITORY_NOT_SHARED = "repository-not-shared"
    # the cluster
    CLUSTER_UNREACHABLE = "cluster-unreachable"
    CLUSTER_REFUSED_LOGIN = "cluster-refused-login"
    HOST_KEY_CHANGED = "host-key-changed"
    CLUSTER_REFUSED = "cluster-refused"
    SCHEDULER_UNAVAILABLE = "scheduler-unavailable"
    SUBMISSION_IN_DOUBT = "submission-in-doubt"
    SCRATCH_FULL = "scratch-full"
    TRANSFER_INCOMPLETE = "transfer-incomplete"
    RESULT_REFUSED = "result-refused"
    RESULTS_MISSING = "results-missing"
    # the job
    JOB_REFUSED = "job-refused"
    JOB_FAILED = "job-failed"
    JOB_TIMED_OUT = "job-timed-out"
    JOB_OUT_OF_MEMORY = "job-out-of-memory"
    JOB_CANCELLED = "job-cancelled"
    JOB_PREEMPTED = "job-preempted"
    JOB_STUCK = "job-stuck"
    JOB_UNKNOWN = "job-unknown"
    NODE_FAILED = "node-failed"
    # the site
    STORAGE_UNAVAILABLE = "storage-unavailable"
    DISK_FULL = "disk-full"
    PREFECT_UNREACHABLE = "prefect-unreachable"
    NOT_CONFIGURED = "not-configured"
    CRASHED_TOO_OFTEN = "crashed-too-often"
    BIOMERO_UNREACHABLE = "biomero-unreachable"
    BIOMERO_REFUSED = "biomero-refused"
    MAIL_NOT_SENT = "mail-not-sent"
    # ends that are nobody's fault
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


#: Whether the same step, repeated with nothing changed, can end otherwise. Every category is listed:
#: a new one without a decision fails the tests instead of falling into a default.
RETRYABLE: dict[FailureCategory, bool] = {
    FailureCategory.BAD_REQUEST: False,
    FailureCategory.UNKNOWN_USER: False,
    FailureCategory.UNKNOWN_GROUP: False,
    FailureCategory.NOT_A_MEMBER: False,
    FailureCategory.UNKNOWN_DESTINATION: False,
    FailureCategory.DESTINATION_NOT_WRITABLE: False,
    FailureCategory.UNKNOWN_INPUT: False,
    FailureCategory.EMPTY_INPUT: False,
    FailureCategory.UNUSABLE_INPUT: False,
    FailureCategory.TOO_MANY_IMAGES: False,
    FailureCategory.FORM_NOT_AVAILABLE: False,
    FailureCategory.PATH_OUTSIDE_FOLDER: False,
    FailureCategory.FILE_NOT_FOUND: False,
    FailureCategory.FILE_NOT_READABLE: False,
    FailureCategory.FILE_EMPTY: False,
    FailureCategory.FILE_CHANGED: False,
    FailureCategory.NOT_A_FILE: False,
    FailureCategory.UNKNOWN_FORMAT: False,
    FailureCategory.BROKEN_FILE: False,
    FailureCategory.CONVERTER_FAILED: False,
    FailureCategory.CONVERTER_TIMED_OUT: False,
    FailureCategory.CONVERTER_OUT_OF_MEMORY: False,
    FailureCategory.CONVERTER_BROKE_CONTRACT: False,
    FailureCategory.CONVERTER_NOT_AVAILABLE: False,
    FailureCategory.UNKNOWN_WORKFLOW: False,
    FailureCategory.DESCRIPTOR_NOT_FOUND: False,
    FailureCategory.DESCRIPTOR_UNREACHABLE: True,
    FailureCategory.BROKEN_DESCRIPTOR: False,
    FailureCategory.UNKNOWN_FORM: False,
    FailureCategory.BROKEN_FORM: False,
    FailureCategory.FORM_CHANGED: False,
    FailureCategory.LABELS_DO_NOT_FIT: False,
    FailureCategory.INPUT_GONE: False,
    FailureCategory.OMERO_REFUSED_LOGIN: False,
    FailureCategory.OMERO_UNREACHABLE: True,
    FailureCategory.OMERO_REFUSED: False,
    FailureCategory.IMPORT_FAILED: False,
    FailureCategory.CHECKSUM_MISMATCH: True,
    FailureCategory.REPOSITORY_NOT_SHARED: False,
    FailureCategory.CLUSTER_UNREACHABLE: True,
    FailureCategory.CLUSTER_REFUSED_LOGIN: False,
    FailureCategory.HOST_KEY_CHANGED: False,
    FailureCategory.CLUSTER_REFUSED: False,
    FailureCategory.SCHEDULER_UNAVAILABLE: True,
    FailureCategory.SUBMISSION_IN_DOUBT: True,
    FailureCategory.SCRATCH_FULL: False,
    FailureCategory.TRANSFER_INCOMPLETE: True,
    FailureCategory.RESULT_REFUSED: False,
    FailureCategory.RESULTS_MISSING: False,
    FailureCategory.JOB_REFUSED: False,
    FailureCategory.JOB_FAILED: False,
    FailureCategory.JOB_TIMED_OUT: False,
    FailureCategory.JOB_OUT_OF_MEMORY: False,
    FailureCategory.JOB_CANCELLED: False,
    FailureCategory.JOB_PREEMPTED: False,
    FailureCategory.JOB_STUCK: False,
    FailureCategory.JOB_UNKNOWN: False,
    FailureCategory.NODE_FAILED: False,
    FailureCategory.STORAGE_UNAVAILABLE: True,
    FailureCategory.DISK_FULL: False,
    FailureCategory.PREFECT_UNREACHABLE: True,
    FailureCategory.NOT_CONFIGURED: False,
    FailureCategory.CRASHED_TOO_OFTEN: False,
    FailureCategory.BIOMERO_UNREACHABLE: True,
    FailureCategory.BIOMERO_REFUSED: False,
    FailureCategory.MAIL_NOT_SENT: False,
    FailureCategory.CANCELLED: False,
    FailureCategory.UNKNOWN: False,
}


#: Failures that say that somebody is away, and who. An analysis run waits for them, however long (tasks/outage.py).
AWAITED: dict[FailureCategory, str] = {
    FailureCategory.OMERO_UNREACHABLE: "OMERO",
    FailureCategory.CLUSTER_UNREACHABLE: "the cluster",
    FailureCategory.SCHEDULER_UNAVAILABLE: "Slurm",
    FailureCategory.SUBMISSION_IN_DOUBT: "Slurm",
    FailureCategory.STORAGE_UNAVAILABLE: "the image storage",
}
#: So begins the name of the Prefect state of a run that waits for one of them.
WAITING = "Waiting for "


class Failure(Contract):
    """One failure, in the words of the person who reads it.

    `summary` is one sentence naming the thing that failed; `detail` what the machine said;
    `next_step` what the reader can do.
    """

    category: Annotated[FailureCategory, Field(strict=False)]
    summary: Annotated[str, Field(min_length=1, max_length=500)]
    detail: str = ""
    next_step: Annotated[str, Field(min_length=1)]

    @property
    def retryable(self) -> bool:
        return RETRYABLE[self.category]

    @property
    def awaited(self) -> str | None:
        """Who has to come back before trying again can help; None when waiting for nobody would."""
        return AWAITED.get(self.category)


class FailureError(Exception):
    """Carries a Failure up to the task that reports it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(
            f"[{failure.category.value}] {failure.summary}"
            + (f" ({failure.detail})" if failure.detail else "")
            + f" Next: {failure.next_step}"
        )
        self.failure = failure


def fail(category: FailureCategory, summary: str, *, next_step: str, detail: str = "") -> FailureError:
    """Build the error to raise; summaries longer than the contract allows move into the detail."""
    if len(summary) > 500:
        detail, summary = f"{summary}\n{detail}".strip(), summary[:497] + "..."
    return FailureError(Failure(category=category, summary=summary, detail=detail, next_step=next_step))
