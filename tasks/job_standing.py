"""How a job stands, from what one question to Slurm said of all jobs: for the person who waits."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.job_log import parse_progress
from blocks.job_queue import JobNews
from contracts.slurm_job import Task, endless_wait
from contracts.slurm_state import JobPhase
from contracts.waiting_job import JobStanding


def stand_of(news: JobNews, logs: Mapping[Task, str]) -> JobStanding:
    """Counts, the first reason and the earliest estimate; `logs` are the ends of the logs of tasks that run."""
    rows = news.queued
    waiting = [row for row in rows if row.phase is JobPhase.WAITING]
    running = [row for row in rows if row.phase in (JobPhase.RUNNING, JobPhase.ENDING)]
    starts = [row.start for row in waiting if row.start is not None]
    told = [done for log in logs.values() if (done := parse_progress(log)) is not None]
    return JobStanding(
        job=news.job,
        waiting=len(waiting),
        running=len(running),
        ended=max(0, len(news.job.tasks) - len(waiting) - len(running)),
        reason=waiting[0].reason if waiting else "",
        starts=min(starts, default=None),
        stuck=endless_wait(rows),
        progress=sum(told) / len(running) if told and running else None,
    )
