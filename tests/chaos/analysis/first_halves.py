"""Runs up to their wait, many one after the other in one process: a process for each costs ten seconds of a processor.

    python -m tests.chaos.analysis.first_halves FLOW_RUN ...

Prefect's own engine runs the site's flow for each flow run that its deployment made, with the deployment's environment.
What comes after the wait is the worker's, as on any site.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import OrchestrationResult
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow_async
from prefect.states import Pending

from contracts.deployment_names import ANALYSIS_RUN
from flows.analysis_run import analysis_run
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.analysis.placed_runs import PlacedRun

#: Side by side; a run waits for the cluster and for OMERO more than it computes.
PROCESSES = 4


def run_first_halves(site: Site, placed: Sequence[PlacedRun]) -> None:
    """Run them until each is suspended. Nobody else may take them: the analysis worker is held meanwhile.

    Raises:
        AssertionError: one of them did not come to its wait.
    """
    environment = site.environment() | _deployed_environment(site)
    processes = []
    for number in range(PROCESSES):
        if mine := [str(one.run_id) for one in placed[number::PROCESSES]]:
            words = [sys.executable, "-m", __name__, *mine]
            processes.append(
                subprocess.Popen(
                    words,
                    cwd=PROJECT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
    for process in processes:
        said, _ = process.communicate()
        assert process.returncode == 0, said[-8000:]


def _deployed_environment(site: Site) -> dict[str, str]:
    """What the deployment adds to the environment of its runs' processes."""
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        added = client.read_deployment_by_name(ANALYSIS_RUN).job_variables["env"]
    return {str(name): str(value) for name, value in added.items()}


async def _run_one(flow_run_id: UUID) -> None:
    async with get_client() as client:
        answer: OrchestrationResult[Any] = await client.set_flow_run_state(flow_run_id, Pending())
        if answer.state is None or not answer.state.is_pending():
            raise RuntimeError(f"flow run {flow_run_id} is not to begin: {answer.state}")
        flow_run = await client.read_flow_run(flow_run_id)
    try:
        await run_flow_async(analysis_run, flow_run=flow_run, parameters=flow_run.parameters, return_type="state")
    except Pause:
        return
    raise RuntimeError(f"flow run {flow_run_id} has ended")


async def _run_all(flow_runs: Sequence[str]) -> None:
    for flow_run in flow_runs:
        await _run_one(UUID(flow_run))


if __name__ == "__main__":
    asyncio.run(_run_all(sys.argv[1:]))
