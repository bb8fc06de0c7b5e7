"""How the jobs of waiting runs stand, published on each run's own page for the people who wait."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import FlowRunFilter

from contracts.waiting_job import JobStanding, news_key
from tasks.artifact_pages import artifact_pages
from tasks.job_deadlines import note_stuck
from tasks.latest_artifact import as_text
from tasks.waiting_runs import WaitingRun

NEWS_TYPE = "slurm-standing"
#: Seconds of one interval for publishing. A change in the partition can change what is to be said of thousands of
#: jobs at once; whoever is not told now is told next time, those first who have heard nothing for longest.
TELLING_SECONDS = 0.4


class Standings:
    """What people have been told of each run, by this watcher or an earlier one."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._told: dict[UUID, tuple[float, JobStanding]] = {}

    async def remember(self, runs: FlowRunFilter) -> None:
        """Read what these runs' pages say, so that it is not said again."""
        async for page in artifact_pages(self._client, NEWS_TYPE, runs, which="latest"):
            for artifact in page:
                standing = JobStanding.model_validate_json(as_text(artifact["data"]))
                self._told[UUID(artifact["flow_run_id"])] = (0.0, standing)

    async def date(self, run: WaitingRun, standing: JobStanding) -> JobStanding:
        """The same standing with the moment since which the job has been stuck, as far as it was told."""
        said = self._said_of(run)
        return standing if said is None else await note_stuck(self._client, standing, said)

    async def tell(self, news: Iterable[tuple[WaitingRun, JobStanding]]) -> list[JobStanding]:
        """Publish what has changed, for at most `TELLING_SECONDS`; returns what was published."""
        changed = [(run, standing) for run, standing in news if self._said_of(run) != standing]
        changed.sort(key=lambda one: self._told[one[0].run][0] if one[0].run in self._told else 0.0)
        until = time.monotonic() + TELLING_SECONDS
        published = []
        for run, standing in changed:
            if time.monotonic() > until:
                break
            if self._said_of(run) is None:
                standing = await note_stuck(self._client, standing, None)
            # Noted first: a page that cannot be written now is no reason to try nothing else until it can.
            self._told[run.run] = (time.monotonic(), standing)
            await self._publish(run, standing)
            published.append(standing)
        return published

    def forget(self, run: WaitingRun) -> None:
        """The run goes on; should it wait again, its page is read first."""
        self._told.pop(run.run, None)

    def _said_of(self, run: WaitingRun) -> JobStanding | None:
        """What was told of this very job."""
        _, said = self._told.get(run.run, (0.0, None))
        return said if said is not None and said.job == run.job else None

    async def _publish(self, run: WaitingRun, standing: JobStanding) -> None:
        await self._client.create_artifact(
            ArtifactCreate(
                type=NEWS_TYPE,
                key=news_key(run.job.token),
                description=standing.summary,
                data=standing.model_dump(mode="json"),
                flow_run_id=run.run,
            )
        )
