"""Send a run's inputs to the cluster: what has arrived whole is not sent again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from prefect import get_run_logger, task

from blocks.run_folder import prepare_folder
from blocks.staging import InputFile, stage
from contracts.failures import FailureCategory, fail
from contracts.remote_run import RemoteFolder
from contracts.run_plan import RunPlan
from contracts.staging_plan import StagingPlan
from tasks.analysis_work import AnalysisWork
from tasks.retries import BRIEF_DELAYS, is_retryable
from tasks.staging_sources import StagingSource, open_staging_sources, staged_files, staged_links, staged_stores

#: Seconds between two lines about a transfer in the run's log.
SAY_EVERY = 10.0


@task(
    name="stage",
    task_run_name="stage",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=lambda context, parameters: f"analysis-stage-{parameters['work'].token}-{parameters['attempt']}",
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def stage_inputs(work: AnalysisWork, plan: RunPlan, attempt: int) -> int:
    """Leave exactly the plan's files in the run's folder on the cluster, verified; returns the bytes sent now.

    Asked anew before each attempt: the folder of a run that failed may have been tidied away meanwhile.
    """
    log = get_run_logger()
    began = time.monotonic()
    sent = await work.in_thread(stage_once, work, plan, log)
    seconds = max(time.monotonic() - began, 1e-3)
    log.info("%s files staged, %.1f MB at %.1f MB/s", len(plan.inputs), sent / 1e6, sent / seconds / 1e6)
    return sent


def stage_once(work: AnalysisWork, plan: RunPlan, log: Any) -> int:
    """Stage what is missing; 0 when all is there.

    Raises:
        FailureError: SCRATCH_FULL before anything is sent, and what `prepare_folder` and `stage` raise.
    """
    with work.connection() as connection:
        remote = prepare_folder(work.cluster, connection, plan.token)
        if remote.staged is not None and _is_whole(remote, plan.staging):
            log.info("Everything is on the cluster already")
            return 0
        missing = plan.staging.bytes_to_send - sum(remote.partial.values())
        if missing > remote.free_bytes:
            raise fail(
                FailureCategory.SCRATCH_FULL,
                f"The inputs need {missing >> 20} MiB; the cluster's scratch has {remote.free_bytes >> 20} MiB.",
                next_step="Free space on the cluster, or analyse fewer images, then retry the run.",
            )
        teller = _Teller(plan.staging.bytes_to_send, log)
        with open_staging_sources(plan.staging, work.session) as sources:
            files = [InputFile(source.name, source.size, partial(_whole, source)) for source in sources]
            staged = stage(work.cluster, connection, remote, files, staged_links(plan.staging), progress=teller.tell)
    return max(0, sum(file.size for file in staged) - sum(remote.partial.values()))


def _whole(source: StagingSource) -> Iterator[bytes]:
    return source.open(0)


def _is_whole(remote: RemoteFolder, staging: StagingPlan) -> bool:
    """Whether the staged folder holds what the plan says: its manifest has verified, so names and sizes decide."""
    stores = dict.fromkeys(staged_stores(staging), (0, 0))
    files: set[tuple[str, int]] = set()
    for file in remote.staged or ():
        # An input's folder is `in/<task>/<name>`.
        if (store := "/".join(file.path.split("/")[:3])) in stores:
            number, size = stores[store]
            stores[store] = (number + 1, size + file.size)
        else:
            files.add((file.path, file.size))
    return (
        files == staged_files(staging) and stores == staged_stores(staging) and set(remote.links) == set(staging.links)
    )


class _Teller:
    """Says in the run's log how far the transfer is, now and then."""

    def __init__(self, total: int, log: Any) -> None:
        self._total = max(total, 1)
        self._log = log
        self._sizes: dict[str, int] = {}
        self._sum = 0
        self._said = time.monotonic()

    def tell(self, path: str, size: int) -> None:
        self._sum += size - self._sizes.get(path, 0)
        self._sizes[path] = size
        now = time.monotonic()
        if now - self._said >= SAY_EVERY:
            self._said = now
            self._log.info("%s: %.0f of %.0f MB are sent", path, self._sum / 1e6, self._total / 1e6)
