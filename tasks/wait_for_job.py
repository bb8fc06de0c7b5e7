"""Let a run wait for its job without a process: what the watcher needs is published, then the run is suspended."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from prefect import get_run_logger
from prefect.artifacts import Artifact
from prefect.flow_runs import asuspend_flow_run

from contracts.waiting_job import WaitingJob, waiting_key
from tasks.watcher import ensure_watcher

#: Artifact type of a run's job, for the watcher.
JOB_TYPE = "slurm-job"
#: Prefect fails a suspended run when its time is over. Slurm's own limits end jobs long before this.
LONGEST_WAIT = timedelta(days=365)


async def wait_for_job(waiting: WaitingJob) -> None:
    """End this process; the run goes on from its beginning, its finished steps remembered, once it is resumed.

    Never returns inside a flow run: Prefect ends it here.
    """
    job = waiting.job
    await Artifact(
        type=JOB_TYPE,
        key=waiting_key(job.token),
        description=f"Slurm job {job.number}",
        data=waiting.model_dump(mode="json"),
    ).acreate()
    await ensure_watcher()
    get_run_logger().info("The run waits for Slurm job %s; nothing of it runs here meanwhile", job.number)
    # Prefect suspends a run once for each key. Its own key counts the suspensions of this process, and a run that is
    # resumed keeps its run count: with either, a second wait was taken for the first, and the run went on and failed.
    await asuspend_flow_run(timeout=int(LONGEST_WAIT.total_seconds()), key=str(uuid4()))
