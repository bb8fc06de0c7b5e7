"""How did the job end, and what did it leave? The verdict on every task, and the good ones' files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from pydantic import ValidationError

from blocks.cancellation import cancel
from blocks.job_end import JobEnd, examine
from blocks.results import fetch
from blocks.ssh_connection import SshConnection
from contracts.brought_back import BroughtBack
from contracts.failures import FailureCategory
from contracts.remote_run import ListedResult, RefusedResult
from contracts.run_results import ANALYZED, ResultFile
from contracts.slurm_job import Outcome, SubmittedJob, TaskVerdict
from contracts.waiting_job import WaitingJob
from tasks.analysis_work import AnalysisWork
from tasks.job_deadlines import JobDeadlines, read_deadlines
from tasks.retries import BRIEF_DELAYS, is_retryable
from tasks.storage_failures import storage_failure


@task(
    name="retrieve",
    task_run_name="retrieve",
    persist_result=False,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def retrieve_results(work: AnalysisWork, job: SubmittedJob) -> BroughtBack | WaitingJob:
    """Judge the job and bring its results into the group's image storage; the job itself while a task of it goes on.

    What has been brought back is read where it lies, and the cluster is not asked.
    """
    log = get_run_logger()
    deadlines = await read_deadlines(work.cluster, job)
    brought = await work.in_thread(retrieve_once, work, job, deadlines, log)
    if isinstance(brought, WaitingJob):
        log.info(
            "Slurm job %s has not ended"
            if brought.look_again is None
            else "Nobody can tell yet how Slurm job %s ended; it is looked for again",
            job.number,
        )
    else:
        for verdict in brought.verdicts:
            said = verdict.failure.summary if verdict.failure is not None else verdict.outcome.value
            log.info("Task %s: %s (%s says so)", verdict.task, said, verdict.witness.value)
        log.info("%s result files are here", len(brought.files))
    return brought


def retrieve_once(work: AnalysisWork, job: SubmittedJob, deadlines: JobDeadlines, log: Any) -> BroughtBack | WaitingJob:
    """A job that is given up is cancelled here: it must not begin when nobody waits for it any more.

    Raises:
        FailureError: what `examine`, `cancel` and `fetch` raise; STORAGE_UNAVAILABLE, DISK_FULL.
    """
    folder = results_folder(work)
    kept = folder / f"attempt-{job.attempt}.json"
    if (brought := read_kept(kept, job)) is not None:
        log.info("The results of attempt %s are here already", job.attempt)
        return brought
    with work.connection() as connection:
        end = examine(work.cluster, connection, job, overdue=deadlines.overdue, given_up=deadlines.given_up)
        outcomes = {verdict.outcome for verdict in end.verdicts}
        if Outcome.NOT_ENDED in outcomes:
            return WaitingJob(job=job)
        if Outcome.UNKNOWN in outcomes:
            return WaitingJob(job=job, look_again=deadlines.look_again)
        if any(_is_stuck(verdict) for verdict in end.verdicts):
            cancel(work.cluster, connection, job.token, job)
        brought = _fetch(work, connection, job, end, folder)
    _keep(kept, brought)
    return brought


def _is_stuck(verdict: TaskVerdict) -> bool:
    return verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_STUCK


def results_folder(work: AnalysisWork) -> Path:
    """Where the run's results lie: `.analyzed/<uuid>` in the group's folder (BIOMERO keeps its results there too)."""
    return work.storage.folder(work.group) / ANALYZED / str(work.token)


def read_kept(path: Path, job: SubmittedJob) -> BroughtBack | None:
    """What an earlier process wrote down when all was here; None when it did not come so far, or of another job."""
    try:
        brought = BroughtBack.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
    return brought if brought.job == job else None


def _fetch(work: AnalysisWork, connection: SshConnection, job: SubmittedJob, end: JobEnd, folder: Path) -> BroughtBack:
    fetched = fetch(work.cluster, connection, job, end.results, folder)
    refused = [*end.refused]
    refused += [RefusedResult(task=file.task, path=file.path, failure=failure) for file, failure in fetched.failed]
    return BroughtBack(
        job=job,
        judged=datetime.now(UTC),
        verdicts=end.verdicts,
        files=tuple(_file(work, file) for file in fetched.arrived),
        refused=tuple(refused),
    )


def _file(work: AnalysisWork, file: ListedResult) -> ResultFile:
    return ResultFile(
        path=f"{ANALYZED}/{work.token}/{file.task}/{file.path}", task=file.task, size=file.size, sha256=file.sha256
    )


def _keep(path: Path, brought: BroughtBack) -> None:
    """Write it durably, in one step."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(brought.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise storage_failure(path, error) from error
