"""Takes over what a BIOMERO database remembers into the run history here.

Each order and workflow becomes one flow run of the flow `biomero-run`, known by its UUID as idempotency key. Whether it
is there is asked of Prefect, and what is there is compared: a migration that was killed is simply started again, and a
later one brings what has ended since up to date. Limit: of the times that Prefect itself keeps, only the one at which a
run was to start can lie in the past; the others are in the run's parameter `history`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterIdempotencyKey,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError

from blocks.biomero_history import PAGE, Order, Workflow, read_past_orders, read_past_workflows
from blocks.image_storage import ImageStorage
from blocks.omero_accounts import Accounts
from blocks.omero_failures import describe
from contracts.biomero_import import StoredOrder, read_order
from contracts.biomero_past_order import is_pending, past_order
from contracts.biomero_past_workflow import past_workflow
from contracts.deployment_names import BIOMERO_RUN
from contracts.failures import FailureError
from contracts.import_order import ImportOrder
from contracts.migrated_run import LONGEST_FILES, MigratedEnd, MigratedHistory, MigratedRun

#: Runs that are written at once.
AT_ONCE = 8

#: An unfinished run is no crashed one: an automation starts those again.
_TYPES = {
    MigratedEnd.COMPLETED: StateType.COMPLETED,
    MigratedEnd.FAILED: StateType.FAILED,
    MigratedEnd.UNFINISHED: StateType.CANCELLED,
}
_NAMES = {
    MigratedEnd.COMPLETED: "Completed",
    MigratedEnd.FAILED: "Failed",
    MigratedEnd.UNFINISHED: "Unfinished",
}


@dataclass
class Tally:
    """What became of the runs so far. `pending`: orders that wait to be taken, which are left to the bridge."""

    made: int = 0
    changed: int = 0
    there: int = 0
    pending: int = 0
    unreadable: int = 0

    def __str__(self) -> str:
        parts = [f"{self.made} taken over", f"{self.changed} brought up to date", f"{self.there} there already"]
        parts += [f"{self.pending} not begun and left to the bridge"] if self.pending else []
        parts += [f"{self.unreadable} cannot be read (see the log)"] if self.unreadable else []
        return ", ".join(parts)


class HistoryKeeper:
    """Writes runs of BIOMERO into Prefect, page by page."""

    def __init__(self, client: PrefectClient, storage: ImageStorage, mount: str, accounts: Accounts) -> None:
        self._client = client
        self._storage = storage
        self._mount = mount
        self._accounts = accounts
        self.tally = Tally()

    async def keep_all(self, connection: psycopg.Connection) -> None:
        """Orders first, then workflows."""
        flow = await self._client.create_flow_from_name(BIOMERO_RUN)
        for pages in (self._orders(connection), self._workflows(connection)):
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                await self._keep(str(flow), page)
                get_run_logger().info("So far: %s", self.tally)

    def _orders(self, connection: psycopg.Connection) -> Iterator[list[MigratedRun]]:
        for page in read_past_orders(connection):
            yield list(self._readable(page))

    def _readable(self, page: Iterable[Order]) -> Iterator[MigratedRun]:
        for row, stages in page:
            if is_pending(stages):
                self.tally.pending += 1
                continue
            try:
                yield past_order(row, stages, self._read(row))
            except FailureError as error:
                self._skip(f"Order {row.uuid}", error.failure.summary)

    def _read(self, row: StoredOrder) -> ImportOrder | None:
        """The order as it would be placed today; None when it could not be, or is too long to be kept whole."""
        if len(row.files) > LONGEST_FILES:
            return None
        try:
            return read_order(row, mount=self._mount, folder=self._storage.named_folder(row.group_name))
        except FailureError:
            return None

    def _workflows(self, connection: psycopg.Connection) -> Iterator[list[MigratedRun]]:
        for page in read_past_workflows(connection):
            yield [run for workflow in page if (run := self._workflow(workflow)) is not None]

    def _workflow(self, workflow: Workflow) -> MigratedRun | None:
        token, events, tasks, wrong = workflow
        try:
            if wrong is not None:
                get_run_logger().warning("Workflow %s is kept up to what can be read: %s", token, wrong)
            return past_workflow(events, tasks, self._accounts.users, self._accounts.groups)
        except ValueError as error:
            self._skip(f"Workflow {token}", wrong or str(error))
            return None

    def _skip(self, what: str, why: str) -> None:
        self.tally.unreadable += 1
        get_run_logger().warning("%s cannot be taken over: %s", what, why)

    async def _keep(self, flow: str, page: Sequence[MigratedRun]) -> None:
        there = await self._find(page)
        places = asyncio.Semaphore(AT_ONCE)

        async def keep(run: MigratedRun) -> None:
            async with places:
                try:
                    await self._keep_one(flow, run, there.get(str(run.token)))
                except PrefectHTTPStatusError as error:
                    if error.response.is_server_error:
                        raise
                    self._skip(f"{run.title} ({run.token})", f"Prefect refuses it. {describe(error)}")

        await asyncio.gather(*(keep(run) for run in page))

    async def _find(self, page: Sequence[MigratedRun]) -> dict[str, FlowRun]:
        tokens = [str(run.token) for run in page]
        found = await self._client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[BIOMERO_RUN])),
            flow_run_filter=FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=tokens)),
            sort=FlowRunSort.ID_DESC,
            limit=PAGE,
        )
        return {str(run.idempotency_key): run for run in found}

    async def _keep_one(self, flow: str, run: MigratedRun, there: FlowRun | None) -> None:
        history = run.history
        if there is None:
            made = await self._client.request("POST", "/flow_runs/", json=_new_run(flow, run))
            await self._client.set_flow_run_state(made.json()["id"], _state(history), force=True)
            self.tally.made += 1
            return
        same = there.parameters == run.parameters
        if not same:
            await self._client.update_flow_run(there.id, parameters=run.parameters)
        if there.state is None or (there.state.type, there.state.name) != (_TYPES[history.end], _NAMES[history.end]):
            # Also one whose migration was killed between its making and its state.
            await self._client.set_flow_run_state(there.id, _state(history), force=True)
            same = False
        if same:
            self.tally.there += 1
        else:
            self.tally.changed += 1


def _new_run(flow: str, run: MigratedRun) -> dict[str, Any]:
    """Scheduled for when it was placed: a list of runs is sorted by that time. It belongs to no work pool."""
    details = {} if run.history.placed is None else {"scheduled_time": run.history.placed.isoformat()}
    return {
        "flow_id": flow,
        "name": run.title,
        "parameters": run.parameters,
        "tags": run.tags,
        "idempotency_key": str(run.token),
        "state": {"type": StateType.SCHEDULED.value, "name": "Scheduled", "state_details": details},
    }


def _state(history: MigratedHistory) -> State[Any]:
    said = history.said or ("" if history.end is not MigratedEnd.UNFINISHED else "BIOMERO never wrote how it ended.")
    return State(type=_TYPES[history.end], name=_NAMES[history.end], message=said or None)
