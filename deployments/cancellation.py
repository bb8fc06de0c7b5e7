"""Who hears, in a worker, that a run is to be cancelled: Prefect's own observer, after Prefect was away too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect._internal.observers import FlowRunCancellingObserver
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runner import _flow_run_executor
from prefect.utilities.services import critical_service_loop
from prefect.workers import base

if TYPE_CHECKING:
    from datetime import datetime

#: How often, and after how many seconds, Prefect is asked for a state that it has told of and does not show yet.
LOOKS, PAUSE = 20, 0.5

#: Runs that one answer names; those that are left are in the next.
MOST_AT_ONCE = 200


class LastingObserver(FlowRunCancellingObserver):
    """An observer that asks again, for as long as it is wanted.

    Seen on Prefect 3.8.8: an observer whose websocket breaks asks instead, and never gets an answer, because the server
    refuses the question (it names neither limit nor sequence); three questions while the server is away end it for
    good; and one whose websocket is closed by a server that ends in order does not even ask. A run that was under way
    then could not be cancelled any more. And it is told first of all that was cancelled in the last minute: a run that
    was cancelled, and tried again within that minute, was ended once more as soon as its process began. And what was
    cancelled just before its process began was not ended at all, when it had begun before: it stayed in Cancelling.
    """

    def add_in_flight_flow_run_id(self, flow_run_id: UUID) -> None:
        """From now on; and at once, if the run is cancelled already."""
        super().add_in_flight_flow_run_id(flow_run_id)
        self._first_look = asyncio.create_task(self._check_for_cancelled_flow_runs())
        self._first_look.add_done_callback(self._handle_first_look_done)

    def _handle_first_look_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and self._polling_task is None:
            self._ask_instead_of(task)

    async def _consume_events(self) -> None:
        """Tell of each cancellation that is still the run's state.

        Raises:
            Exception: Prefect did not answer, or does not show what it told of; it is asked from time to time then.
        """
        if self._events_subscriber is None or self._client is None:
            raise RuntimeError("an observer listens within its context alone")
        async for event in self._events_subscriber:
            run = UUID(event.resource.id.removeprefix("prefect.flow-run."))
            wanted = self._in_flight_flow_run_ids - self._cancelling_flow_run_ids
            if run in wanted and await self._is_cancelled(run, event.occurred):
                self._cancel(run)

    async def _is_cancelled(self, run: UUID, since: datetime) -> bool:
        assert self._client is not None
        for _ in range(LOOKS):
            state = (await self._client.read_flow_run(run)).state
            if state is not None and state.timestamp >= since:
                return state.type in {StateType.CANCELLING, StateType.CANCELLED}
            await asyncio.sleep(PAUSE)
        raise TimeoutError(f"Prefect told that flow run {run} is cancelled, and does not show it")

    def _start_polling_task(self, task: asyncio.Task[None]) -> None:
        """The websocket is gone."""
        self._ask_instead_of(task)

    def _handle_polling_task_done(self, task: asyncio.Task[Any]) -> None:
        """Prefect did not answer several times, or refused to."""
        self._ask_instead_of(task)

    def _ask_instead_of(self, ended: asyncio.Task[Any]) -> None:
        if ended.cancelled() or self._is_shutting_down:
            return
        why = ended.exception() or "the server closed the connection"
        self.logger.warning("Prefect is asked every %s s what is cancelled: %s", self.polling_interval, why)
        self._polling_task = asyncio.create_task(self._ask())
        self._polling_task.add_done_callback(self._handle_polling_task_done)

    async def _ask(self) -> None:
        # The loop asks at once: a server that refuses would be asked without a pause.
        await asyncio.sleep(self.polling_interval)
        await critical_service_loop(
            workload=self._check_for_cancelled_flow_runs,
            interval=self.polling_interval,
            jitter_range=0.3,
            printer=self.logger.debug,
        )

    async def _check_for_cancelled_flow_runs(self) -> None:
        wanted = self._in_flight_flow_run_ids - self._cancelling_flow_run_ids
        if self._is_shutting_down or self._client is None or not wanted:
            return
        cancelling = await self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                id=FlowRunFilterId(any_=list(wanted)),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING])),
            ),
            sort=FlowRunSort.ID_DESC,
            limit=MOST_AT_ONCE,
        )
        for run in cancelling:
            self._cancel(run.id)

    def _cancel(self, run: UUID) -> None:
        if run not in self._cancelling_flow_run_ids and not self._is_shutting_down:
            self._cancelling_flow_run_ids.add(run)
            self.on_cancelling(run)


def observe_for_ever() -> None:
    """Let this process's workers, and each run they start, have such an observer."""
    for module in (base, _flow_run_executor):
        module.FlowRunCancellingObserver = LastingObserver  # type: ignore[attr-defined]
