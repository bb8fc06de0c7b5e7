"""The watcher of a cluster: asks Slurm once per interval about all jobs that runs wait for, and resumes what has ended.

One process watches for all runs, however many wait; none of them has a process of its own. It lives for some minutes
and is started again by its schedule, so that one that died is missed for that long at most. Two at a time do no harm
beyond a second question: a run is resumed once.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.omero_failures import describe
from blocks.slurm_cluster import SlurmCluster
from contracts.failures import FailureError
from contracts.waiting_job import CLUSTER_TAG, JobStanding
from tasks.analysis_work import CLUSTER_BLOCK
from tasks.cluster_watch import ClusterWatch
from tasks.cycle_times import publish_cycles
from tasks.order_run import load_block
from tasks.prefect_client import is_away
from tasks.standings import Standings
from tasks.waiting_runs import WaitingRun, WaitingRuns
from tasks.watcher import WATCHER, dismiss_waiting_watchers

#: Seconds between two looks at Prefect for runs that have begun to wait; Slurm is not asked for it.
GLANCE = 2.0


@flow(name="watch-cluster", flow_run_name="watch {cluster}", persist_result=False)
async def watch_cluster(cluster: str = CLUSTER_BLOCK, minutes: float = 4.75) -> State[Any]:
    """Watch until the schedule starts the next watcher, which it does every five minutes. One that comes while this one
    still watches waits for its place (prefect.yaml): if it were cancelled instead, nobody would watch until the next.
    Its last word says how long its cycles took.

    Args:
        cluster: name of the SlurmCluster block.
        minutes: how long it watches; a little less than the schedule's interval.
    """
    block = await load_block(SlurmCluster, cluster)
    log = get_run_logger()
    until = time.monotonic() + 60 * minutes
    cycles: list[float] = []
    most = 0
    async with get_client() as client:
        await dismiss_waiting_watchers(client)
        runs, standings = WaitingRuns(client, CLUSTER_TAG + cluster), Standings(client)
        await standings.remember(runs.suspended)
        with ClusterWatch(block) as watch:
            while time.monotonic() < until:
                began = time.monotonic()
                try:
                    waiting = await runs.look()
                except Exception as error:
                    if not is_away(error):
                        raise
                    # Prefect is away, perhaps restarted: a watcher that ended of it would be missed for minutes.
                    log.warning("Prefect does not answer: %s", describe(error))
                    waiting = []
                if watch.is_due(waiting):
                    await _ask_once(watch, runs, waiting, standings)
                    most = max(most, len(waiting))
                    cycles.append(time.monotonic() - began)
                await asyncio.sleep(GLANCE)
    await publish_cycles(WATCHER, cycles)
    return Completed(message=_last_word(most, cycles))


async def _ask_once(watch: ClusterWatch, runs: WaitingRuns, waiting: list[WaitingRun], standings: Standings) -> None:
    """One interval: ask, end the jobs of cancelled runs, resume what has ended, tell what has changed."""
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
    waits: list[tuple[WaitingRun, JobStanding]] = []
    for run, standing, ended in news:
        try:
            standing = await standings.date(run, standing)
            if run.cancelled and ended:
                runs.settle(run)
            elif run.cancelled:
                await asyncio.to_thread(watch.cancel, run)
                log.info("Run %s was cancelled: its job %s is ended", run.run, run.job.number)
            elif ended or watch.gives_up(standing):
                await runs.resume(run)
                standings.forget(run)
                why = "has ended" if ended else "is given up"
                log.info("Slurm job %s %s: run %s goes on", run.job.number, why, run.run)
            else:
                waits.append((run, standing))
        except Exception as error:  # noqa: BLE001  one run's trouble must not stop the others' news
            log.warning("Run %s: %s", run.run, describe(error))
    try:
        for standing in await standings.tell(waits):
            if standing.stuck is not None:
                log.warning("Run %s: %s", standing.job.token, standing.summary)
    except Exception as error:  # noqa: BLE001  nor may news stop the watch
        log.warning("Not everybody could be told how their job stands: %s", describe(error))


def _last_word(most: int, cycles: list[float]) -> str:
    if not cycles:
        return "No run waited for the cluster."
    longest = max(cycles[1:], default=cycles[0])
    return (
        f"Slurm was asked {len(cycles)} times about up to {most} jobs."
        f" The first cycle took {cycles[0]:.2f} s, the longest of the others {longest:.2f} s."
    )
