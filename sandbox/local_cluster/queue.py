"""Starts jobs as there is place for them, and ends them: `python -m sandbox.local_cluster.queue`.

It is the one node: when it dies, its jobs die with it, and at the next start they are NODE_FAIL. Nothing is queued
again.
"""

from __future__ import annotations

import argparse
import logging
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from sandbox.local_cluster.running_job import RunningJob
from sandbox.site.processes import MARK, SERVICE_MARK
from sandbox.slurm_commands.job_store import COMPLETING, LIVE, PENDING, RUNNING, Ending, Job, JobStore
from sandbox.slurm_commands.submission import NODE_CPUS, NODE_MEMORY_MB

log = logging.getLogger("sandbox.local_cluster")

#: Seconds between two looks at the jobs.
GLANCE = 0.1


class Queue:
    """First come, first served; a small job may pass a large one that has to wait."""

    def __init__(self, store: JobStore, spool: Path, marks: dict[str, str]) -> None:
        """`marks`: what the environment of every job must have, so that it is found as one of this site."""
        self._store = store
        self._spool = spool
        self._marks = marks
        self._running: dict[int, RunningJob] = {}
        for job in store.find(states=(RUNNING, COMPLETING)):
            log.warning("job %s died with the queue of before", job.shown_id)
            store.end(job, Ending("NODE_FAIL"), time.time())

    def look(self) -> None:
        """End what has ended or is to end, start what has a place."""
        live = self._store.find(states=LIVE)
        for job in live:
            running = self._running.get(job.id)
            if running is None:
                continue
            if job.cancelled:
                running.end("CANCELLED")
            if running.is_being_ended and job.state == RUNNING:
                self._store.completing(job)
        self._collect()
        self._start([job for job in live if job.state == PENDING and not job.held])

    def end_all(self) -> None:
        """End every job that runs, as a node that shuts down does."""
        for running in self._running.values():
            running.end("NODE_FAIL")
        while self._running:
            self._collect()
            time.sleep(GLANCE)

    def _collect(self) -> None:
        for number, running in list(self._running.items()):
            ending = running.look()
            if ending is not None:
                del self._running[number]
                self._store.end(running.job, ending, time.time())
                log.info("job %s ended: %s", running.job.shown_id, ending)

    def _start(self, waiting: list[Job]) -> None:
        used = [running.job for running in self._running.values()]
        cpus, memory_mb = sum(job.cpus for job in used), sum(job.memory_mb for job in used)
        at_once = Counter(job.number for job in used)
        explained: list[tuple[Job, str]] = []
        for job in waiting:
            if job.at_once is not None and at_once[job.number] >= job.at_once:
                explained.append((job, "JobArrayTaskLimit"))
            elif cpus + job.cpus > NODE_CPUS or memory_mb + job.memory_mb > NODE_MEMORY_MB:
                explained.append((job, "Resources"))
            elif self._store.begin(job, time.time()):
                cpus, memory_mb = cpus + job.cpus, memory_mb + job.memory_mb
                at_once[job.number] += 1
                self._run(job)
        if any(job.reason != reason for job, reason in explained):
            self._store.explain(explained)

    def _run(self, job: Job) -> None:
        script, environment, output, append = self._store.script(job.number)
        try:
            self._running[job.id] = RunningJob(
                job, script, environment | self._marks, output, append=append, spool=self._spool
            )
        except OSError as error:
            log.warning("job %s cannot be started: %s", job.shown_id, error)
            self._store.end(job, Ending("FAILED", exit_code=1), time.time())
        else:
            log.info("job %s begins", job.shown_id)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--spool", type=Path, required=True)
    parser.add_argument("--site", required=True, help="the site's folder, which marks its processes")
    parser.add_argument("--service", required=True, help="the service's name, which marks them too")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    queue = Queue(JobStore(chosen.store), chosen.spool, {MARK: chosen.site, SERVICE_MARK: chosen.service})
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        queue.look()
        time.sleep(GLANCE)
    queue.end_all()


if __name__ == "__main__":
    main()
