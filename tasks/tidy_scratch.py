"""Remove a run's folder from the cluster once all of it is in OMERO."""

from __future__ import annotations

from prefect import get_run_logger, task

from blocks.run_folder import tidy
from tasks.analysis_work import AnalysisWork
from tasks.retries import BRIEF_DELAYS, is_retryable


@task(
    name="tidy",
    task_run_name="tidy",
    persist_result=False,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def tidy_scratch(work: AnalysisWork) -> None:
    """Remove what the run's token owns on the cluster, and nothing else."""
    await work.in_thread(tidy_once, work)
    get_run_logger().info("The run's folder on the cluster is removed")


def tidy_once(work: AnalysisWork) -> None:
    """
    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
    """
    with work.connection() as connection:
        tidy(work.cluster, connection, work.token)
