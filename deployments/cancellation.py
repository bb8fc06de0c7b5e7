"""Who hears, in a worker, that a run is to be cancelled: Prefect's own observer, after Prefect was away too."""

from __future__ import annotations

import asyncio
from typing import Any

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

#: Runs that one answer names; those that are left are in the next.
MOST_AT_ONCE = 200


class LastingObserver(FlowRunCancellingObserver):
    """An observer that asks again, for as long as it is wanted.

    Seen on Prefect 3.8.8: an observer whose websocket breaks asks instead, and never gets an answer, because the server
    refuses the question (it names neither limit nor sequence); three questions while the server is away end it for
    good; and one whose websocket is closed by a server that ends in order does not even ask. A run that was under way
    then could not be cancelled any more.
    """

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
            self._cancelling_flow_run_ids.add(run.id)
            self.on_cancelling(run.id)


def observe_for_ever() -> None:
    """Let this process's workers, and each run they start, have such an observer."""
    for module in (base, _flow_run_executor):
        module.FlowRunCancellingObserver = LastingObserver  # type: ignore[attr-defined]
