"""The worker that starts flow runs: Prefect's own process worker, which survives a run that comes back too early,
lets users take turns, starts each run's engine without a detour, and gives its runs back when it is told to end.
"""

from __future__ import annotations

import abc
import signal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelled, Scheduled
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from contracts.run_tags import find_user
from deployments.cancellation import observe_for_ever
from deployments.engine_process import run_engine
from deployments.json_line import VARIABLE, remember
from deployments.queue_turns import Due, QueueTurns

if TYPE_CHECKING:
    import anyio.abc
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse


#: Seconds for runs to be given back, and for those that are being cancelled to come to their end. systemd and Compose
#: wait a minute for a worker.
LEAVING = 40.0


class PatientWorker(ProcessWorker, abc.ABC):
    """A process worker that takes a run only when its own earlier process of that run is done with.

    Seen on Prefect 3.8.8: a run that was scheduled anew (after a crash, by a hurried retry) while the worker still
    counted its earlier process ended the whole worker, "this borrower is already holding one of this CapacityLimiter's
    tokens". Whatever else it had just taken then lay in Pending for three minutes.

    Limit: a process that neither ends nor can be ended keeps its run from this worker; another one takes it.

    Abstract in name only: Prefect registers every other subclass, in the place of its own class "process".
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._is_leaving = False
        self._under_way: dict[UUID, anyio.CancelScope] = {}
        self._users: dict[object, str | None] = {}
        self._turns = QueueTurns()

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        if self._is_leaving:
            return []
        for entry in flow_run_response:
            remember(entry.flow_run.id, entry.flow_run.tags)
        before = self._held()
        ready = [entry for entry in flow_run_response if entry.flow_run.id not in before]
        due = [Due(find_user(entry.flow_run.tags), entry.work_queue_id) for entry in ready]
        running = [self._users.get(run_id) for run_id in before]
        submitted = await super()._submit_scheduled_flow_runs(self._turns.sort(ready, due, running))
        known = self._users | {entry.flow_run.id: one.user for entry, one in zip(ready, due, strict=True)}
        held = self._held()
        for run_id in held - before:
            self._turns.note_start(known.get(run_id))
        self._users = {run_id: user for run_id, user in known.items() if run_id in held}
        return submitted

    def _held(self) -> set[object]:
        """The ids of the runs that have a place."""
        return set() if self._limiter is None else set(self._limiter.statistics().borrowers)

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
        with anyio.CancelScope() as scope:
            self._under_way[flow_run.id] = scope
            if self._is_leaving:
                scope.cancel()
            try:
                return await run_engine(flow_run, configuration, task_status or anyio.TASK_STATUS_IGNORED)
            finally:
                del self._under_way[flow_run.id]
        await self._give_back(flow_run.id)
        return ProcessWorkerResult(status_code=0, identifier="given back")

    async def leave(self) -> None:
        """Take nothing more, end the processes of the runs and give the runs back to Prefect's queue.

        The next worker goes on with them when their turn comes. Without this they would be found by their silence, a
        minute later, and that would count as a crash. What is being cancelled comes to its own end.

        Limit: what is cancelled only now is ended as it is; what it had imported by half is cleared up by a retry.
        """
        self._is_leaving = True
        with anyio.move_on_after(LEAVING):
            for run_id, scope in list(self._under_way.items()):
                try:
                    is_cancelled = await self._state_of(run_id) is StateType.CANCELLING
                except Exception:
                    self._logger.exception(
                        "Prefect does not say whether run %s is being cancelled; it is ended", run_id
                    )
                    is_cancelled = False
                if not is_cancelled:
                    scope.cancel()
            while self._limiter is not None and self._limiter.borrowed_tokens:  # noqa: ASYNC110  it has no event
                await anyio.sleep(0.1)

    async def _give_back(self, run_id: UUID) -> None:
        """As it was due before, so that it does not begin again behind all that have been placed since."""
        run = await self.client.read_flow_run(run_id)
        kind = None if run.state is None else run.state.type
        if kind is StateType.CANCELLING:
            said = "It was being cancelled when its worker was told to end; a retry clears up what it had begun."
            await self.client.set_flow_run_state(run_id, Cancelled(message=said), force=True)
        elif kind in (StateType.PENDING, StateType.RUNNING):
            said = "Its worker was told to end; the next one goes on with it."
            again: State[Any] = Scheduled(name="Restarted", scheduled_time=run.expected_start_time, message=said)
            await self.client.set_flow_run_state(run_id, again, force=True)

    async def _state_of(self, run_id: UUID) -> StateType | None:
        state = (await self.client.read_flow_run(run_id)).state
        return None if state is None else state.type


async def work(pool: str, limit: int, name: str | None, *, healthcheck: bool) -> None:
    """Work for a pool until this process is told to end. A pool that is not there yet is waited for."""
    observe_for_ever()
    worker = PatientWorker(work_pool_name=pool, name=name, limit=limit, create_pool_if_not_found=False)
    async with anyio.create_task_group() as group:
        group.start_soon(_leave_when_told, worker, group.cancel_scope)
        await worker.start(with_healthcheck=healthcheck)
        group.cancel_scope.cancel()


async def _leave_when_told(worker: PatientWorker, working: anyio.CancelScope) -> None:
    """By SIGTERM or SIGINT; a second one ends this process as it is."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            break
    print("Told to end: the runs go back to the queue.", flush=True)
    try:
        await worker.leave()
    finally:
        working.cancel()
