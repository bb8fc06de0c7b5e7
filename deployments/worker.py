"""The worker that starts flow runs: Prefect's own process worker, which survives a run that comes back too early, and
starts each run's engine without a detour.
"""

from __future__ import annotations

import abc
import os
from typing import TYPE_CHECKING

import anyio
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from deployments.cancellation import observe_for_ever
from deployments.engine_process import run_engine
from deployments.json_line import VARIABLE, remember

if TYPE_CHECKING:
    import anyio.abc
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse


class PatientWorker(ProcessWorker, abc.ABC):
    """A process worker that takes a run only when its own earlier process of that run is done with.

    Seen on Prefect 3.8.8: a run that was scheduled anew (after a crash, by a hurried retry) while the worker still
    counted its earlier process ended the whole worker, "this borrower is already holding one of this CapacityLimiter's
    tokens". Whatever else it had just taken then lay in Pending for three minutes.

    Limit: a process that neither ends nor can be ended keeps its run from this worker; another one takes it.

    Abstract in name only: Prefect registers every other subclass, in the place of its own class "process".
    """

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        held = set() if self._limiter is None else set(self._limiter.statistics().borrowers)
        for entry in flow_run_response:
            remember(entry.flow_run.id, entry.flow_run.tags)
        ready = [entry for entry in flow_run_response if entry.flow_run.id not in held]
        return await super()._submit_scheduled_flow_runs(ready)

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """The run's process knows its token from its first line of log.

        A command of a work pool's or a deployment's own is not ours to run.
        """
        if (token := remember(flow_run.id, flow_run.tags)) is not None:
            configuration.env[VARIABLE] = token
        if configuration._command_configured:
            return await super().run(flow_run, configuration, task_status)
        return await run_engine(flow_run, configuration, task_status or anyio.TASK_STATUS_IGNORED)


async def work(pool: str, limit: int, name: str | None, *, healthcheck: bool) -> None:
    """Work for a pool until this process is told to end. A pool that is not there yet is waited for."""
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    observe_for_ever()
    worker = PatientWorker(work_pool_name=pool, name=name, limit=limit, create_pool_if_not_found=False)
    await worker.start(with_healthcheck=healthcheck)
