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
from tasks.retries import DELAYS, is_retryable
from tasks.run_clock import ordered_at


def attempt_cache_key(context: Any, parameters: dict[str, Any]) -> str:
    """One submission of one attempt of one run."""
    return f"analysis-submit-{parameters['work'].token}-{parameters['attempt']}"


@task(
    name="submit",
    task_run_name="sbatch",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=attempt_cache_key,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def submit_job(work: AnalysisWork, plan: RunPlan, attempt: int, tasks: Tasks) -> SubmittedJob:
    """Submit the job of this attempt, or adopt the one that is there."""
    log = get_run_logger()
    job = await work.in_thread(submit_once, work, plan, attempt, tasks, ordered_at(), log)
    log.info("Slurm has taken the run as job %s, %s tasks", job.number, len(job.tasks))
    return job


def submit_once(
    work: AnalysisWork, plan: RunPlan, attempt: int, tasks: Tasks, ordered: datetime, log: Any
) -> SubmittedJob:
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
        work.check_not_cancelled("submit the job")
        job = submit(work.cluster, connection, remote, request)
    work.note_submission(job)
    return job
