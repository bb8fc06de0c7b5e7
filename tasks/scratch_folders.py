"""Remove folders of runs from the cluster that nobody needs any more: of runs of this site that ended long ago.

A folder is named by its run's token, and the token's run is looked up in Prefect: what Prefect does not know may be
another site's. A run that ended well has removed its folder itself (tasks/tidy_scratch.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from blocks.job_queue import read_job_names
from blocks.run_folder import list_folders, tidy
from blocks.slurm_cluster import SlurmCluster
from contracts.scratch_folder import ScratchFolder

#: Tokens that one question to Prefect, or one command on the cluster, names.
AT_ONCE = 100


async def remove_old_folders(cluster: SlurmCluster) -> list[ScratchFolder]:
    """Every folder of a run, the removed ones first.

    Raises:
        FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED, SCHEDULER_UNAVAILABLE and other failures of the login.
    """
    days, in_queue = await asyncio.to_thread(_look, cluster)
    async with get_client() as client:
        runs = await _read_runs(client, days)
    now = datetime.now(UTC)
    folders = [
        judge_folder(token, age, runs.get(token), str(token) in in_queue, cluster.keep_failed_days, now)
        for token, age in days.items()
    ]
    await asyncio.to_thread(_remove, cluster, [folder.token for folder in folders if folder.removed])
    return sorted(folders, key=lambda folder: (not folder.removed, -folder.days))


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


def _look(cluster: SlurmCluster) -> tuple[dict[UUID, float], frozenset[str]]:
    with cluster.connect() as connection:
        return list_folders(cluster, connection), read_job_names(connection)


def _remove(cluster: SlurmCluster, tokens: list[UUID]) -> None:
    if not tokens:
        return
    with cluster.connect() as connection:
        for start in range(0, len(tokens), AT_ONCE):
            tidy(cluster, connection, *tokens[start : start + AT_ONCE])


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
