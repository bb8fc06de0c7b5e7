"""What the analysis tests share: images of alice's in OMERO, and a desk to place runs at."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from omero.gateway import BlitzGateway
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelling

from cli.flow_runs import read_analysis_report, read_report, read_standing
from contracts.analysis_report import AnalysisReport
from contracts.analysis_run import AnalysisRun
from contracts.import_report import ImportReport
from contracts.waiting_job import JobStanding
from sandbox.cluster.machine import Machine
from sandbox.samples import write_samples
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tasks.placing import place_run
from tests.chaos.waiting import LONG, PREFECT_GLANCE, wait_for

GROUP = "lab-a"


@dataclass
class RunDesk:
    """Places runs of alice's, and looks at what became of them."""

    site: Site
    gateway: BlitzGateway
    images: tuple[int, ...]

    def make_run(self, **fields: Any) -> AnalysisRun:
        """A run of the nuclei workflow on all images, unless `fields` say otherwise."""
        return AnalysisRun.model_validate(
            {
                "uuid": uuid.uuid4(),
                "user": "alice",
                "group": GROUP,
                "workflow": {"name": "nuclei"},
                "inputs": {"images": list(self.images)},
                "parameters": {"diameter": 20},
                **fields,
            }
        )

    def place(self, run: AnalysisRun) -> uuid.UUID:
        async def place() -> FlowRun:
            async with self.client() as client:
                return await place_run(client, run)

        return asyncio.run(place()).id

    def client(self) -> PrefectClient:
        return PrefectClient(self.site.prefect_api, auth_string=self.site.prefect_auth)

    @cached_property
    def _prefect(self) -> SyncPrefectClient:
        """One for all looks: a new one costs 30 ms of a processor, and runs are looked at again and again."""
        return SyncPrefectClient(self.site.prefect_api, auth_string=self.site.prefect_auth)

    def state(self, flow_run: uuid.UUID) -> State[Any]:
        state = self._prefect.read_flow_run(flow_run).state
        assert state is not None
        return state

    def wait_for_state(self, flow_run: uuid.UUID, *names: str, seconds: float = LONG) -> State[Any]:
        def look() -> State[Any] | None:
            try:
                state = self.state(flow_run)
            except PrefectHTTPStatusError as error:
                # A server that has too much to do says so with 500; it is asked again until the deadline.
                if not error.response.is_server_error:
                    raise
                return None
            return state if state.name in names else None

        return wait_for(
            f"run {flow_run} to be {' or '.join(names)}",
            look,
            seconds=seconds,
            explain=lambda: str(self.state(flow_run)),
            glance=PREFECT_GLANCE,
        )

    def standing(self, run: AnalysisRun) -> JobStanding | None:
        """What the cluster's watcher told last of the run's job."""

        async def read() -> JobStanding | None:
            async with self.client() as client:
                return await read_standing(client, run.uuid)

        return asyncio.run(read())

    def import_files(self, dataset: str, files: Sequence[Path]) -> tuple[int, ...]:
        """Import files as alice; the ids of their images."""
        token = str(uuid.uuid4())
        words = ["--as", "alice", "--group", GROUP, "--dataset", dataset, "--uuid", token, *map(str, files)]
        done = self.command("import", *words)
        assert done.returncode == 0, done.stdout

        async def read() -> ImportReport | None:
            async with self.client() as client:
                return await read_report(client, uuid.UUID(token))

        report = asyncio.run(read())
        assert report is not None
        return tuple(item.id for outcome in report.files for item in outcome.objects)

    def start(self, name: str) -> uuid.UUID:
        """Start one of the site's housekeeping flows."""
        with SyncPrefectClient(self.site.prefect_api, auth_string=self.site.prefect_auth) as client:
            deployment = client.read_deployment_by_name(name)
            return client.create_flow_run_from_deployment(deployment.id).id

    def report(self, run: AnalysisRun) -> AnalysisReport:
        async def read() -> AnalysisReport | None:
            async with self.client() as client:
                return await read_analysis_report(client, run.uuid)

        report = asyncio.run(read())
        assert report is not None
        return report

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`omero-flows ...`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=PROJECT,
            env=self.site.environment() | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def queue(self, run: AnalysisRun) -> str:
        """What squeue says of the run's jobs that have not ended."""
        asked = Machine(self.site.home).ask("squeue", "--noheader", f"--name={run.uuid}", "--states=PD,R,CG")
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.strip()

    def end_watchers(self) -> None:
        """Let a new watcher begin: one keeps the settings with which it began."""
        with SyncPrefectClient(self.site.prefect_api, auth_string=self.site.prefect_auth) as client:

            def running() -> list[uuid.UUID]:
                found = client.read_flow_runs(
                    deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=["watch-cluster"])),
                    flow_run_filter=FlowRunFilter(
                        state=FlowRunFilterState(
                            type=FlowRunFilterStateType(
                                any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
                            )
                        )
                    ),
                    sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                    limit=20,
                )
                return [run.id for run in found]

            for watcher in running():
                client.set_flow_run_state(watcher, Cancelling())
            wait_for("the watchers to end", lambda: not running())


@pytest.fixture(scope="package")
def desk(site: Site) -> Iterator[RunDesk]:
    if site.cluster is None:
        pytest.skip("the site has no cluster; `omero-flows sandbox status` says why")
    samples = write_samples(site.storage / GROUP / f"analysis-{uuid.uuid4().hex[:8]}")
    gateway = BlitzGateway("alice", site.password("alice"), host=site.omero_tcp)
    assert gateway.connect(), gateway.getLastError()
    desk = RunDesk(site, gateway, ())
    desk.images = desk.import_files(f"Cells {uuid.uuid4()}", [sample.path for sample in samples[:2]])
    made = desk.command("cluster", "set-up")
    assert made.returncode == 0, made.stdout
    yield desk
    gateway.close()
