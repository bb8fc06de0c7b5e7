"""Let a run wait for its job without a process: what the watcher needs is published, then the run is suspended."""

from __future__ import annotations

from datetime import timedelta

from prefect import get_run_logger, runtime
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
    # The default key counts the suspensions of this process: the second one of a run would be taken for its first.
    await asuspend_flow_run(
        timeout=int(LONGEST_WAIT.total_seconds()), key=f"{job.token}-{job.attempt}-{runtime.flow_run.run_count}"
    )
