"""Submit a run's job to Slurm, exactly once for each attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import get_run_logger, task

from blocks.run_folder import prepare
from blocks.submission import find_job, submit
from contracts.run_plan import RunPlan
from contracts.slurm_job import SubmittedJob, Tasks
from tasks.analysis_work import AnalysisWork
from tasks.retries import BRIEF_DELAYS, is_retryable
from tasks.run_clock import ordered_at, read_history


def attempt_cache_key(context: Any, parameters: dict[str, Any]) -> str:
    """One submission of one attempt of one run."""
    return f"analysis-submit-{parameters['work'].token}-{parameters['attempt']}"


@task(
    name="submit",
    task_run_name="sbatch",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=attempt_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def submit_job(work: AnalysisWork, plan: RunPlan, attempt: int, tasks: Tasks) -> SubmittedJob | None:
    """Submit the job of this attempt, or adopt the one that is there.

    None: the attempt was cancelled before it had a job, and a person has retried the run since: the next one's turn.
    """
    log = get_run_logger()
    retried = (await read_history()).retried_after_cancelling
    job = await work.in_thread(submit_once, work, plan, attempt, tasks, ordered_at(), retried, log)
    if job is None:
        log.info("Attempt %s was cancelled before it had a job", attempt)
    else:
        log.info("Slurm has taken the run as job %s, %s tasks", job.number, len(job.tasks))
    return job


def submit_once(
    work: AnalysisWork, plan: RunPlan, attempt: int, tasks: Tasks, ordered: datetime, retried: bool, log: Any
) -> SubmittedJob | None:
    """What the cluster knows of the run decides whether sbatch is called.

    Raises:
        FailureError: what `prepare` and `submit` raise; SUBMISSION_IN_DOUBT and SCHEDULER_UNAVAILABLE are tried again.
    """
    request = plan.request(attempt, tasks)
    with work.connection() as connection:
        remote = prepare(work.cluster, connection, plan.token, began=ordered)
        found = find_job(work.cluster, remote, request)
        if found is not None:
            log.info("The cluster knows this job already")
            return found
        if retried and any(one.number == attempt and one.cancelled for one in remote.attempts):
            return None
        work.check_not_cancelled("submit the job")
        job = submit(work.cluster, connection, remote, request)
    work.note_submission(job)
    return job
