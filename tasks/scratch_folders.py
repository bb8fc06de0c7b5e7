"""Remove folders of runs from the cluster that nobody needs any more: of runs of this site that ended long ago.

A folder is named by its run's token, and the token's run is looked up in Prefect: what Prefect does not know may be
another site's. A run that ended well has removed its folder itself (tasks/tidy_scratch.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from blocks.job_queue import read_job_names
from blocks.run_folder import list_folders, tidy
from blocks.slurm_cluster import SlurmCluster
from contracts.scratch_folder import ScratchFolder
from contracts.waiting_job import WaitingJob
from tasks.artifact_pages import artifact_pages
from tasks.latest_artifact import as_text
from tasks.wait_for_job import JOB_TYPE

#: A former scratch folder is looked into for so long after the days for which it keeps folders.
FORGOTTEN = timedelta(days=30)
#: Tokens that one question to Prefect, or one command on the cluster, names.
AT_ONCE = 100


@dataclass(frozen=True)
class _Found:
    """A run's folder: where it lies, and for how many days nothing has changed in it."""

    token: UUID
    scratch: str
    days: float


async def remove_old_folders(cluster: SlurmCluster, tag: str) -> list[ScratchFolder]:
    """Every folder of a run, the removed ones first. `tag`: of the runs of this cluster.

    Looked into are the block's scratch folder and those that jobs of runs remember which ended badly of late: an
    administrator may have named another one since. Limit: what a run left in a former one before it had a job stays.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED, SCHEDULER_UNAVAILABLE and other failures of the login.
    """
    now = datetime.now(UTC)
    async with get_client() as client:
        scratches = {cluster.scratch} | await _read_scratches(client, cluster, tag, now)
        found, in_queue = await asyncio.to_thread(_look, cluster, scratches)
        runs = await _read_runs(client, {one.token for one in found})
    judged = [
        (
            one,
            judge_folder(
                one.token, one.days, runs.get(one.token), str(one.token) in in_queue, cluster.keep_failed_days, now
            ),
        )
        for one in found
    ]
    await asyncio.to_thread(_remove, cluster, [one for one, folder in judged if folder.removed])
    return sorted((folder for _, folder in judged), key=lambda folder: (not folder.removed, -folder.days))


def judge_folder(
    token: UUID, days: float, run: FlowRun | None, in_queue: bool, keep_days: int, now: datetime
) -> ScratchFolder:
    """Whether a folder is removed. `days`: for how long nothing has changed in it."""

    def kept(why: str) -> ScratchFolder:
        return ScratchFolder(token=token, days=days, removed=False, why=why)

    state = None if run is None else run.state
    if run is None or state is None:
        return kept("Prefect knows no run of this token")
    if not state.is_final():
        return kept(f"its run is {state.name}")
    if in_queue:
        return kept("Slurm still has a job of it")
    ended = (now - (run.end_time or state.timestamp)).total_seconds() / 86_400
    if min(days, ended) < keep_days:
        return kept(f"its run is {state.name}, and folders are kept for {keep_days} days")
    return ScratchFolder(token=token, days=days, removed=True, why=f"its run is {state.name} for {ended:.0f} days")


def _look(cluster: SlurmCluster, scratches: Collection[str]) -> tuple[list[_Found], frozenset[str]]:
    with cluster.connect() as connection:
        found = [
            _Found(token, scratch, days)
            for scratch in sorted(scratches)
            for token, days in list_folders(cluster.at(scratch), connection).items()
        ]
        return found, read_job_names(connection)


def _remove(cluster: SlurmCluster, folders: Collection[_Found]) -> None:
    if not folders:
        return
    with cluster.connect() as connection:
        for scratch in sorted({one.scratch for one in folders}):
            tokens = [one.token for one in folders if one.scratch == scratch]
            for start in range(0, len(tokens), AT_ONCE):
                tidy(cluster.at(scratch), connection, *tokens[start : start + AT_ONCE])


async def _read_scratches(client: PrefectClient, cluster: SlurmCluster, tag: str, now: datetime) -> set[str]:
    """The scratch folders of the jobs of runs that did not end well, as long as their folders may be there."""
    ended = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.FAILED, StateType.CRASHED, StateType.CANCELLED])
        ),
        end_time=FlowRunFilterEndTime(after_=now - timedelta(days=cluster.keep_failed_days) - FORGOTTEN),
    )
    found: set[str] = set()
    async for page in artifact_pages(client, JOB_TYPE, ended):
        jobs = (WaitingJob.model_validate_json(as_text(artifact["data"])).job for artifact in page)
        found |= {job.scratch for job in jobs if job.scratch is not None}
    return found


async def _read_runs(client: PrefectClient, tokens: Collection[UUID]) -> Mapping[UUID, FlowRun]:
    """The run of each token, by its tag; a token of no run is left out."""
    found: dict[UUID, FlowRun] = {}
    wanted = {str(token): token for token in tokens}
    names = list(wanted)
    for start in range(0, len(names), AT_ONCE):
        some = FlowRunFilterTags(any_=names[start : start + AT_ONCE])
        # A token has one run: Prefect makes no second one with the same idempotency key.
        runs = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=some), sort=FlowRunSort.START_TIME_ASC, limit=2 * AT_ONCE
        )
        found |= {wanted[tag]: run for run in runs for tag in run.tags if tag in wanted}
    return found
