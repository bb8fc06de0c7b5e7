"""The process of a flow run: Prefect's engine, at once.

Prefect 3.8.8's process worker starts a process that fetches the deployment's code, and that becomes the engine when it
has: Prefect is loaded twice for each run, two of some ten seconds of a processor. The flows of this project are
installed where the worker is and are imported by name; the engine runs a deployment's pull steps by itself.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio
import anyio.abc
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.workers.process import ProcessWorkerResult

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.workers.process import ProcessJobConfiguration


class NoHooks:
    """What is run, beside the flow, when it crashed or is cancelled: these flows have nothing of the kind, and Prefect
    would load a flow into one more process to look for it.
    """

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Nothing."""

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State) -> None:
        """Nothing."""


async def run_engine(
    flow_run: FlowRun, configuration: ProcessJobConfiguration, task_status: anyio.abc.TaskStatus[int]
) -> ProcessWorkerResult:
    """Start the engine in a process group of its own, tell its number, and wait for its end.

    Cancelled, it kills the process and says nothing of it to Prefect. A worker that dies leaves its processes alone.

    Raises:
        RuntimeError: it did not start.
    """
    with TemporaryDirectory(suffix="prefect") as folder:
        async with FlowRunExecutorContext() as context:
            starter = EngineCommandStarter(
                command=configuration.command,
                cwd=configuration.working_dir or Path(folder),
                env=configuration.env,
                stream_output=configuration.stream_output,
                control_channel=context.control_channel,
                isolate_process_group=True,
                env_overrides_settings=True,
            )
            executor = context.create_executor(flow_run, starter, propose_submitting=False, hook_runner=NoHooks())
            ended: list[FlowRunExecutionResult | None] = []

            async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle]) -> None:
                ended.append(await executor.submit(task_status=task_status))

            async with anyio.create_task_group() as group:
                handle = await group.start(execute)
                task_status.started(handle.pid)
    result = ended[0]
    if result is None or result.status_code is None:
        raise RuntimeError(f"the process of flow run {flow_run.id} was not started")
    return ProcessWorkerResult(status_code=result.status_code, identifier=str(result.handle.pid))
