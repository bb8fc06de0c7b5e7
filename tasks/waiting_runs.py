"""The runs that wait for a cluster, as Prefect knows them; they are resumed, and told how their jobs stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import Artifact, FlowRun, StateType
from prefect.client.schemas.sorting import ArtifactSort, FlowRunSort

from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import JobStanding, WaitingJob, news_key
from tasks.latest_artifact import as_text
from tasks.wait_for_job import JOB_TYPE

#: Prefect's API gives at most so many objects at once.
PAGE = 200
#: Jobs of runs that were cancelled are looked for so long.
CANCELLED_SINCE = timedelta(days=2)
NEWS_TYPE = "slurm-standing"


@dataclass(frozen=True)
class WaitingRun:
    """A run that waits, or that was cancelled while it waited, and its job. `look_again`: see WaitingJob."""

    run: UUID
    job: SubmittedJob
    cancelled: bool
    look_again: datetime | None = None


async def find_waiting_runs(client: PrefectClient, tag: str, known: dict[UUID, WaitingJob]) -> list[WaitingRun]:
    """All runs with this tag that are suspended, and those that were cancelled lately, each with its latest job.

    `known` is what earlier questions found; it is kept up to date here, so that each job is read once.
    """
    suspended = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]), state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"]))
    )
    cancelled = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED])),
        end_time=FlowRunFilterEndTime(after_=datetime.now(UTC) - CANCELLED_SINCE),
    )
    runs = [(run, False) for run in await _read_runs(client, suspended)]
    runs += [(run, True) for run in await _read_runs(client, cancelled)]
    # A run that is suspended anew has another job than before, if a person retried it meanwhile.
    wanted = [run.id for run, _ in runs if run.id not in known]
    known.update(await _read_jobs(client, wanted))
    for gone in known.keys() - {run.id for run, _ in runs}:
        del known[gone]
    return [
        WaitingRun(run.id, known[run.id].job, was, known[run.id].look_again) for run, was in runs if run.id in known
    ]


async def _read_runs(client: PrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
    found: list[FlowRun] = []
    while True:
        page = await client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.START_TIME_ASC, limit=PAGE, offset=len(found)
        )
        found += page
        if len(page) < PAGE:
            return found


async def _read_jobs(client: PrefectClient, runs: Sequence[UUID]) -> dict[UUID, WaitingJob]:
    latest: dict[UUID, Artifact] = {}
    for some in _pages(runs):
        offset = 0
        while True:
            # Not client.read_artifacts: it sends filters that are not given as null, which the server refuses.
            wanted = ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=some), type=ArtifactFilterType(any_=[JOB_TYPE])
            )
            answer = await client.request(
                "POST",
                "/artifacts/filter",
                json={
                    "artifacts": wanted.model_dump(mode="json", exclude_unset=True),
                    "sort": ArtifactSort.ID_DESC.value,
                    "limit": PAGE,
                    "offset": offset,
                },
            )
            page = [Artifact.model_validate(item) for item in answer.json()]
            for artifact in page:
                run = artifact.flow_run_id
                if run is not None and (run not in latest or _age(artifact) > _age(latest[run])):
                    latest[run] = artifact
            offset += len(page)
            if len(page) < PAGE:
                break
    return {run: WaitingJob.model_validate_json(as_text(artifact.data)) for run, artifact in latest.items()}


def _pages(runs: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(runs), PAGE):
        yield list(runs[start : start + PAGE])


def _age(artifact: Artifact) -> datetime:
    return artifact.created or datetime.min.replace(tzinfo=UTC)


async def resume(client: PrefectClient, waiting: WaitingRun) -> None:
    """Let a run go on; one that is resumed already, or was cancelled meanwhile, is left as it is."""
    await client.resume_flow_run(waiting.run)


async def tell(client: PrefectClient, waiting: WaitingRun, standing: JobStanding) -> None:
    """Publish how the run's job stands, on the run's own page."""
    await client.create_artifact(
        ArtifactCreate(
            type=NEWS_TYPE,
            key=news_key(waiting.job.token),
            description=standing.summary,
            data=standing.model_dump(mode="json"),
            flow_run_id=waiting.run,
        )
    )
