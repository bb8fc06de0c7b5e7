"""How long a run has patience with a job that never begins, or of which nobody can tell how it ended.

Neither moment is kept by a process: a run was first resumed for its job when Prefect's history says so, and a job is
stuck since the watcher first published it without a break.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import PrefectClient, get_client

from blocks.slurm_cluster import SlurmCluster
from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import JobStanding, news_key
from tasks.latest_artifact import read_latest
from tasks.run_clock import read_history


@dataclass(frozen=True)
class JobDeadlines:
    """`overdue`: who could tell how the job ended has had his time; until then the run looks again at `look_again`.
    `given_up`: the job has been stuck for longer than the block allows.
    """

    overdue: bool
    look_again: datetime
    given_up: bool


async def read_deadlines(cluster: SlurmCluster, job: SubmittedJob) -> JobDeadlines:
    """The deadlines of this process's run."""
    resumed = (await read_history()).resumed_since(job.submitted)
    async with get_client() as client:
        standing = await read_standing_of(client, job)
    return find_deadlines(cluster, datetime.now(UTC), resumed, standing)


def find_deadlines(
    cluster: SlurmCluster, now: datetime, resumed: datetime | None, standing: JobStanding | None
) -> JobDeadlines:
    """`resumed`: when the run was first resumed because its job seemed to have ended.

    The looks come at twice the distance each time: what is late by a second is seen soon, and an hour takes nine looks.
    """
    least, most = timedelta(seconds=cluster.poll_seconds_least), timedelta(minutes=cluster.unknown_minutes)
    since = now if resumed is None else min(resumed, now)
    return JobDeadlines(
        overdue=now - since >= most,
        look_again=min(now + max(now - since, least), since + most),
        given_up=standing is not None and is_given_up(cluster, standing, now),
    )


def is_given_up(cluster: SlurmCluster, standing: JobStanding, now: datetime) -> bool:
    """Whether the job has been stuck for longer than the block allows."""
    since = standing.stuck_since
    return since is not None and now - since >= timedelta(minutes=cluster.stuck_minutes)


async def note_stuck(client: PrefectClient, standing: JobStanding, before: JobStanding | None) -> JobStanding:
    """The same standing with the moment since which the job has been stuck. `before`: what this watcher told last."""
    if standing.stuck is None:
        return standing
    if before is None:
        before = await read_standing_of(client, standing.job)
    since = None if before is None else before.stuck_since
    return standing.model_copy(update={"stuck_since": since or datetime.now(UTC)})


async def read_standing_of(client: PrefectClient, job: SubmittedJob) -> JobStanding | None:
    """What a watcher last told of this very job; None when it was another one, or nothing was told."""
    said = await read_latest(client, news_key(job.token))
    standing = None if said is None else JobStanding.model_validate_json(said)
    return standing if standing is not None and standing.job == job else None
