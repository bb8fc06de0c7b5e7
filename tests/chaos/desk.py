"""Where a test places work: what of it Prefect and the machine know, whether it is an import order or an analysis run.

Placed, watched, killed, cancelled and retried as people and accidents do it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, TaskRun
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort
from prefect.exceptions import PrefectHTTPStatusError

from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.waiting import LONG, PREFECT_GLANCE, wait_for


def find_dead_links(folder: Path) -> frozenset[Path]:
    """Symbolic links that lead nowhere."""
    return frozenset(place for place in folder.rglob("*") if place.is_symlink() and not place.exists())


class Desk:
    """Where a test places its work. Its clients outlive a Prefect server that goes and comes back."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.dead_before = find_dead_links(site.home.omero / "ManagedRepository")
        self.client = SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth)

    def asynchronous_client(self) -> PrefectClient:
        return PrefectClient(self.site.prefect_api, auth_string=self.site.prefect_auth)

    def find_runs(self, token: uuid.UUID) -> list[FlowRun]:
        """Every flow run with this token."""
        wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=[str(token)]))
        return self.client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=200)

    def command(self, *words: str) -> subprocess.Popen[str]:
        """Start `omero-flows ...` in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *words],
            cwd=PROJECT,
            env=self.site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_all(self, commands: Sequence[tuple[str, ...]]) -> None:
        """Run commands side by side; each has to succeed."""
        for words, process in [(words, self.command(*words)) for words in commands]:
            output, _ = process.communicate(timeout=LONG)
            assert process.returncode == 0, f"omero-flows {' '.join(words)}:\n{output}"

    def cancel(self, placed: Iterable[Placed]) -> None:
        self.run_all([("cancel", str(one.token)) for one in placed])

    def retry(self, placed: Iterable[Placed]) -> None:
        self.run_all([("retry", str(one.token)) for one in placed])


@dataclass(frozen=True)
class Placed:
    """One flow run and the token of what was placed."""

    desk: Desk
    token: uuid.UUID
    run_id: uuid.UUID

    def runs(self) -> list[FlowRun]:
        """Every flow run with its token."""
        return self.desk.find_runs(self.token)

    def flow_run(self) -> FlowRun:
        return self.desk.client.read_flow_run(self.run_id)

    def state(self) -> State[Any]:
        state = self.flow_run().state
        assert state is not None
        return state

    def history(self) -> list[State[Any]]:
        """Every state the run was in, oldest first."""
        return sorted(self.desk.client.read_flow_run_states(self.run_id), key=lambda state: state.timestamp)

    def task_runs(self) -> list[TaskRun]:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[self.run_id]))
        return self.desk.client.read_task_runs(
            flow_run_filter=wanted, sort=TaskRunSort.EXPECTED_START_TIME_ASC, limit=200
        )

    def starts(self) -> int:
        """How often the run has begun."""
        return sum(state.type is StateType.RUNNING for state in self.history())

    # ---- waiting

    def wait_for_state(self, *names: str, **limits: Any) -> None:
        wait_for(
            f"{self} to be {' or '.join(names)}", lambda: self.state().name in names, explain=self.describe, **limits
        )

    def wait_until_ended(self, **limits: Any) -> State[Any]:
        """Until the run is in a state nobody and nothing changes any more. Crashed is not one: it is started again."""

        def look() -> State[Any] | None:
            try:
                state = self.state()
            except PrefectHTTPStatusError as error:
                # A server that has too much to do says so with 500; it is asked again until the deadline.
                if not error.response.is_server_error:
                    raise
                return None
            return state if state.is_final() and state.type is not StateType.CRASHED else None

        return wait_for(f"the end of {self}", look, explain=self.describe, glance=PREFECT_GLANCE, **limits)

    def wait_for_starts(self, count: int) -> None:
        wait_for(f"start {count} of {self}", lambda: self.starts() >= count, explain=self.describe)

    def describe(self) -> str:
        """What Prefect knows of the run, for the message of a test that failed."""
        states = [f"  {state.timestamp:%H:%M:%S.%f} {state.name}: {state.message}" for state in self.history()]
        logs = self.desk.client.request(
            "POST",
            "/logs/filter",
            json={
                "logs": LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self.run_id])).model_dump(mode="json"),
                "limit": 200,
                "sort": "TIMESTAMP_ASC",
            },
        ).json()
        said = [f"  {entry['timestamp'][11:23]} {entry['message'][:600]}" for entry in logs]
        processes = [f"  process {process}" for process in self.processes()]
        return "\n".join([str(self), *states, *said[-80:], *processes])

    def __str__(self) -> str:
        return f"run {self.token}"

    # ---- its process

    def processes(self) -> list[int]:
        """Process ids of the run on this machine, of all its attempts."""
        mark = f"PREFECT__FLOW_RUN_ID={self.run_id}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                is_ours = mark in (entry / "environ").read_bytes().split(b"\0")
                is_dead = b"\nState:\tZ" in (entry / "status").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if is_ours and not is_dead:
                found.append(int(entry.name))
        return found

    def wait_for_process(self) -> list[int]:
        return wait_for(f"a process of {self}", self.processes, explain=self.describe)

    def signal(self, number: signal.Signals) -> list[int]:
        """Signal every process of the run; returns which were there."""
        processes = self.processes()
        for process in processes:
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue
        return processes

    def kill(self) -> None:
        """kill -9 the run's processes, all of them.

        Raises:
            AssertionError: there was none, so that the test would test nothing.
        """
        killed = self.signal(signal.SIGKILL)
        assert killed, f"no process to kill\n{self.describe()}"
        wait_for("killed processes to be gone", lambda: not set(killed) & set(self.processes()), seconds=30)
