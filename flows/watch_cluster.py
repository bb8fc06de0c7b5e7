"""The watcher of a cluster: asks Slurm once per interval about all jobs that runs wait for, and resumes what has ended.

One process watches for all runs, however many wait; none of them has a process of its own. It lives for some minutes
and is started again by its schedule, so that one that died is missed for that long at most. Two at a time do no harm
beyond a second question: a run is resumed once.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import PrefectClient, get_client

from blocks.omero_failures import describe
from blocks.slurm_cluster import SlurmCluster
from contracts.failures import FailureError
from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import CLUSTER_TAG, JobStanding
from tasks.analysis_work import CLUSTER_BLOCK
from tasks.cluster_watch import ClusterWatch
from tasks.order_run import load_block
from tasks.waiting_runs import WaitingRun, find_waiting_runs, resume, tell

#: Seconds between two looks at Prefect for runs that have begun to wait; Slurm is not asked for it.
GLANCE = 2.0


@flow(name="watch-cluster", flow_run_name="watch {cluster}", persist_result=False)
async def watch_cluster(cluster: str = CLUSTER_BLOCK, minutes: float = 5.0) -> None:
    """Watch for some minutes; then the schedule starts the next watcher."""
    block = await load_block(SlurmCluster, cluster)
    until = time.monotonic() + 60 * minutes
    known: dict[UUID, SubmittedJob] = {}
    told: dict[UUID, JobStanding] = {}
    async with get_client() as client:
        with ClusterWatch(block) as watch:
            while time.monotonic() < until:
                waiting = await find_waiting_runs(client, CLUSTER_TAG + cluster, known)
                if watch.is_due(waiting):
                    await _ask_once(client, watch, waiting, known, told)
                await asyncio.sleep(GLANCE)


async def _ask_once(
    client: PrefectClient,
    watch: ClusterWatch,
    waiting: list[WaitingRun],
    known: dict[UUID, SubmittedJob],
    told: dict[UUID, JobStanding],
) -> None:
    """One interval: ask, end the jobs of cancelled runs, tell what has changed, resume what has ended."""
    log = get_run_logger()
    try:
        news = await asyncio.to_thread(watch.ask, waiting)
    except FailureError as error:
        # The cluster is away: the runs wait on, and the next interval asks again.
        log.warning("%s", error.failure.summary)
        return
    for run, standing, ended in news:
        try:
            if run.cancelled:
                if not ended:
                    await asyncio.to_thread(watch.cancel, run)
                    log.info("Run %s was cancelled: its job %s is ended", run.run, run.job.number)
            elif ended:
                await resume(client, run)
                known.pop(run.run, None)
                log.info("Slurm job %s has ended: run %s goes on", run.job.number, run.run)
            elif told.get(run.run) != standing:
                await tell(client, run, standing)
                told[run.run] = standing
        except Exception as error:  # noqa: BLE001  one run's trouble must not stop the others' news
            log.warning("Run %s: %s", run.run, describe(error))
