"""Analysis runs on the site."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun

from cli.flow_runs import read_analysis_report
from contracts.analysis_report import AnalysisReport
from contracts.analysis_run import AnalysisRun
from contracts.run_results import ANALYZED
from sandbox.cluster.machine import Machine
from sandbox.site import Site
from tasks.placing import place_run
from tasks.watcher import find_watchers
from tests.chaos.analysis.copy_workflow import NAME
from tests.chaos.desk import Desk, Placed

GROUP = "lab-a"


class RunDesk(Desk):
    """Where a test places its runs. `small`: images of some kilobytes; `large`: one of several megabytes."""

    def __init__(self, site: Site, small: Sequence[int], large: int) -> None:
        super().__init__(site)
        self.small = tuple(small)
        self.large = large
        self.machine = Machine(site.home)

    def make_run(self, images: Iterable[int] = (), **fields: Any) -> AnalysisRun:
        """A run of alice's over one small image, unless others are named."""
        return AnalysisRun.model_validate(
            {
                "uuid": uuid.uuid4(),
                "user": "alice",
                "group": GROUP,
                "workflow": {"name": NAME},
                "inputs": {"images": list(images) or [self.small[0]]},
                **fields,
            }
        )

    def place(self, *runs: AnalysisRun) -> list[PlacedRun]:
        """Place runs, all at once."""
        return asyncio.run(self._place_all(runs))

    async def _place_all(self, runs: Sequence[AnalysisRun]) -> list[PlacedRun]:
        placed = await asyncio.gather(*(self._place(run) for run in runs))
        return [PlacedRun(self, run.uuid, flow_run.id, run) for run, flow_run in zip(runs, placed, strict=True)]

    async def _place(self, run: AnalysisRun) -> FlowRun:
        async with self.asynchronous_client() as client:
            return await place_run(client, run)

    def watchers(self) -> list[Placed]:
        """The watchers of the cluster that are about, also those that only seem to be."""
        return [Placed(self, run.id, run.id) for run in asyncio.run(self._watchers())]

    async def _watchers(self) -> list[FlowRun]:
        async with self.asynchronous_client() as client:
            return [run for run in await find_watchers(client) if run.state is not None and run.state.is_running()]

    def hold_jobs(self) -> None:
        """Let no job begin that is not running yet."""
        self._set_partition("DOWN")

    def release_jobs(self) -> None:
        self._set_partition("UP")

    def _set_partition(self, state: str) -> None:
        done = self.machine.ask("scontrol", "update", "PartitionName=main", f"State={state}")
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class PlacedRun(Placed):
    """One run and its flow run."""

    run: AnalysisRun

    def report(self) -> AnalysisReport | None:
        return asyncio.run(self._report())

    async def _report(self) -> AnalysisReport | None:
        async with self.desk.asynchronous_client() as client:
            return await read_analysis_report(client, self.token)

    @property
    def scratch(self) -> Path:
        """Its folder on the cluster, as this machine sees it."""
        return Machine(self.desk.site.home).scratch / str(self.token)

    @property
    def results(self) -> Path:
        """Where its results lie in the image storage."""
        return self.desk.site.storage / GROUP / ANALYZED / str(self.token)

    def queue(self) -> list[str]:
        """The numbers of its jobs that have not ended."""
        words = ("--noheader", f"--name={self.token}", "--states=PD,R,CG", "--format=%F")
        return self._numbers("squeue", *words)

    def jobs(self) -> list[str]:
        """The numbers of all of its jobs, ended ones too: by the accounting, as the controller forgets in minutes."""
        words = ("--noheader", "--parsable2", "--allusers", "--allocations", "--duplicates", "--starttime=now-2days")
        found = self._numbers("sacct", *words, f"--name={self.token}", "--format=JobID")
        return sorted({number.partition("_")[0] for number in found})

    def _numbers(self, *words: str) -> list[str]:
        asked = Machine(self.desk.site.home).ask(*words)
        assert asked.returncode == 0, asked.stderr
        return sorted(set(asked.stdout.split()))

    def __str__(self) -> str:
        return f"run {self.token} ({self.run.title})"
