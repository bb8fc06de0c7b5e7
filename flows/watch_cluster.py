"""The watcher of a cluster: asks Slurm once per interval about all jobs that runs wait for, and resumes what has ended.

One process watches for all runs, however many wait; none of them has a process of its own. It lives for some minutes
and is started again by its schedule, so that one that died is missed for that long at most. Two at a time do no harm
beyond a second question: a run is resumed once.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import httpx
from prefect import flow, get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from blocks.omero_failures import describe
from blocks.slurm_cluster import SlurmCluster
from contracts.failures import FailureError
from contracts.waiting_job import CLUSTER_TAG, JobStanding, WaitingJob
from tasks.analysis_work import CLUSTER_BLOCK
from tasks.cluster_watch import ClusterWatch
from tasks.job_deadlines import note_stuck
from tasks.order_run import load_block
from tasks.waiting_runs import WaitingRun, find_waiting_runs, resume, tell
from tasks.watcher import dismiss_waiting_watchers

#: Seconds between two looks at Prefect for runs that have begun to wait; Slurm is not asked for it.
GLANCE = 2.0


@flow(name="watch-cluster", flow_run_name="watch {cluster}", persist_result=False)
async def watch_cluster(cluster: str = CLUSTER_BLOCK, minutes: float = 4.75) -> None:
    """Watch until the schedule starts the next watcher, which it does every five minutes. One that comes while this one
    still watches waits for its place (prefect.yaml): if it were cancelled instead, nobody would watch until the next.
    """
    block = await load_block(SlurmCluster, cluster)
    log = get_run_logger()
    until = time.monotonic() + 60 * minutes
    known: dict[UUID, WaitingJob] = {}
    told: dict[UUID, JobStanding] = {}
    async with get_client() as client:
        await dismiss_waiting_watchers(client)
        with ClusterWatch(block) as watch:
            while time.monotonic() < until:
                try:
                    waiting = await find_waiting_runs(client, CLUSTER_TAG + cluster, known)
                except (httpx.TransportError, PrefectHTTPStatusError) as error:
                    # Prefect is away, perhaps restarted: a watcher that ended of it would be missed for minutes.
                    log.warning("Prefect does not answer: %s", describe(error))
                    waiting = []
                if watch.is_due(waiting):
                    await _ask_once(client, watch, waiting, known, told)
                await asyncio.sleep(GLANCE)


async def _ask_once(
    client: PrefectClient,
    watch: ClusterWatch,
    waiting: list[WaitingRun],
    known: dict[UUID, WaitingJob],
    told: dict[UUID, JobStanding],
) -> None:
    """One interval: ask, end the jobs of cancelled runs, tell what has changed, resume what has ended."""
    log = get_run_logger()
    try:
        news = await asyncio.to_thread(watch.ask, waiting)
    except FailureError as error:
        # What another key or login must mend ends this watcher, so that it is to be seen; the next one tries again.
        if not error.failure.retryable:
            raise
        # The cluster is away: the runs wait on, and the next interval asks again.
        log.warning("%s", error.failure.summary)
        return
    for run, standing, ended in news:
        try:
            standing = await note_stuck(client, standing, told.get(run.run))
            over = ended or watch.gives_up(standing)
            if run.cancelled:
                if not ended:
                    await asyncio.to_thread(watch.cancel, run)
                    log.info("Run %s was cancelled: its job %s is ended", run.run, run.job.number)
            elif over:
                await resume(client, run)
                known.pop(run.run, None)
                told.pop(run.run, None)
                why = "has ended" if ended else "is given up"
                log.info("Slurm job %s %s: run %s goes on", run.job.number, why, run.run)
            elif told.get(run.run) != standing:
                await tell(client, run, standing)
                told[run.run] = standing
                if standing.stuck is not None:
                    log.warning("Run %s: %s", run.run, standing.summary)
        except Exception as error:  # noqa: BLE001  one run's trouble must not stop the others' news
            log.warning("Run %s: %s", run.run, describe(error))
