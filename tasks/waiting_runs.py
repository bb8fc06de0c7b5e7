"""The runs that wait for a cluster, as Prefect knows them, and what lets them go on.

A list of thousands takes seconds. So they are listed when the watcher begins; later looks read what has begun to wait
since, and how many wait in all. Only when that number is another than expected are all listed anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import WaitingJob
from tasks.artifact_pages import PAGE, Artifacts, artifact_pages
from tasks.latest_artifact import as_text
from tasks.wait_for_job import JOB_TYPE

#: Jobs that are read to see whether a run has begun to wait.
GLANCE_PAGE = 20
#: Jobs of runs that were cancelled are looked for so long.
CANCELLED_SINCE = timedelta(days=2)


@dataclass(frozen=True)
class WaitingRun:
    """A run that waits, or that was cancelled while it waited, and its job. `look_again`: see WaitingJob."""

    run: UUID
    job: SubmittedJob
    cancelled: bool
    look_again: datetime | None = None


class WaitingRuns:
    """All runs with one tag that are suspended, and those that were cancelled lately, each with its latest job.

    Limit: where one run is resumed by somebody else just when another's wait goes unseen, their number stays as it was
    and the first is asked about for nothing, the second not at all, until the next watcher lists them.
    """

    def __init__(self, client: PrefectClient, tag: str) -> None:
        self._client = client
        self._tags = FlowRunFilterTags(all_=[tag])
        self.suspended = FlowRunFilter(
            tags=self._tags, state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"]))
        )
        self._jobs: dict[UUID, WaitingJob] = {}
        self._artifacts: set[str] = set()
        self._expected = 0
        self._surprised = True
        self._cancelled: dict[UUID, WaitingJob] = {}
        self._settled: set[UUID] = set()

    async def look(self) -> list[WaitingRun]:
        """Those that wait now, and those that were cancelled and whose jobs are not settled."""
        self._expected += await self._read_new()
        surprised = await self._count() != self._expected
        if surprised and self._surprised:
            await self._list_anew()
            surprised = False
        # Surprised once, it looks again before it lists all: a run may have begun to wait between the two questions.
        self._surprised = surprised
        await self._look_for_cancelled()
        waiting = [WaitingRun(run, waits.job, False, waits.look_again) for run, waits in self._jobs.items()]
        return waiting + [WaitingRun(run, waited.job, True) for run, waited in self._cancelled.items()]

    async def resume(self, waiting: WaitingRun) -> None:
        """Let a run go on; one that is resumed already, or was cancelled meanwhile, is left as it is."""
        await self._client.resume_flow_run(waiting.run)
        self._forget(waiting.run)

    def settle(self, cancelled: WaitingRun) -> None:
        """The job of this cancelled run has ended: nobody needs to ask about it again."""
        self._settled.add(cancelled.run)
        del self._cancelled[cancelled.run]

    def _forget(self, run: UUID) -> None:
        if self._jobs.pop(run, None) is not None:
            self._expected -= 1

    async def _count(self) -> int:
        return await self._client.count_flow_runs(flow_run_filter=self.suspended)

    async def _list_anew(self) -> None:
        self._jobs.clear()
        self._artifacts.clear()
        self._expected = 0
        await self._read_new()
        self._expected = await self._count()

    async def _read_new(self) -> int:
        """Read the jobs of suspended runs until a page brings nothing new; how many runs are new."""
        new: dict[UUID, WaitingJob] = {}
        read: set[str] = set()
        first = GLANCE_PAGE if self._artifacts else PAGE
        async for page in artifact_pages(self._client, JOB_TYPE, self.suspended, first=first):
            fresh = [artifact for artifact in page if artifact["id"] not in self._artifacts]
            if not fresh:
                break
            read.update(artifact["id"] for artifact in fresh)
            _add_latest(new, fresh)
        # Only now: what a look had read that Prefect did not answer to its end is read again.
        self._artifacts |= read
        begun = len(new.keys() - self._jobs.keys())
        self._jobs.update(new)
        # A run that was cancelled may be retried, wait again, and be cancelled again.
        self._settled -= new.keys()
        for run in new:
            self._cancelled.pop(run, None)
        return begun

    async def _look_for_cancelled(self) -> None:
        lately = FlowRunFilter(
            tags=self._tags,
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED])),
            end_time=FlowRunFilterEndTime(after_=datetime.now(UTC) - CANCELLED_SINCE),
        )
        offset, limit = 0, GLANCE_PAGE
        while True:
            page = await self._client.read_flow_runs(
                flow_run_filter=lately, sort=FlowRunSort.END_TIME_DESC, limit=limit, offset=offset
            )
            new = [run.id for run in page if run.id not in self._cancelled and run.id not in self._settled]
            if new:
                await self._read_cancelled(new)
            if not new or len(page) < limit:
                return
            offset, limit = offset + len(page), PAGE

    async def _read_cancelled(self, runs: list[UUID]) -> None:
        these = FlowRunFilter(id=FlowRunFilterId(any_=runs))
        async for page in artifact_pages(self._client, JOB_TYPE, these):
            _add_latest(self._cancelled, page)
        for run in runs:
            self._forget(run)
            if run not in self._cancelled:
                self._settled.add(run)  # it was cancelled before it had a job


def _add_latest(jobs: dict[UUID, WaitingJob], newest_first: Artifacts) -> None:
    for artifact in newest_first:
        run = UUID(artifact["flow_run_id"])
        if run not in jobs:
            jobs[run] = WaitingJob.model_validate_json(as_text(artifact["data"]))
