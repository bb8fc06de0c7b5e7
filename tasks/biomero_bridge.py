"""The bridge to a BIOMERO database: its orders become import orders here, and their stages are written back there.

Nothing is remembered between two rounds. An order of ours is known by the row with which it was claimed, its run by
the token in Prefect; one that was claimed and never placed (the bridge was killed in between) has no run and gets one.
Limit: whether a claim asks for another try is decided by the clocks of BIOMERO's database and of Prefect, which have to
agree to within seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

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
from prefect.states import AwaitingRetry

from blocks.biomero_database import BiomeroDatabase
from blocks.biomero_orders import ClaimedOrder, claim_orders, listen, read_claimed, tell_stages
from blocks.image_storage import ImageStorage
from blocks.omero_failures import describe
from contracts.biomero_import import ImportStage, Standing, read_order, read_token, stages_due
from contracts.deployment_names import IMPORT_ORDER, flow_of
from contracts.failures import Failure, FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from contracts.import_report import ImportReport, report_key
from tasks.artifact_pages import PAGE
from tasks.latest_artifact import read_latest
from tasks.placing import place_order

BIOMERO_BLOCK = "omero-flows"
#: Orders that are claimed in one round; the next round claims more.
AT_ONCE = 50
#: Files that failed and are named in a stage's description, and its longest, in characters.
MOST_NAMED = 5
LONGEST_DESCRIPTION = 2000

_STANDINGS = {
    StateType.SCHEDULED: Standing.PLACED,
    StateType.PENDING: Standing.PLACED,
    StateType.RUNNING: Standing.RUNNING,
    StateType.PAUSED: Standing.RUNNING,
    StateType.CANCELLING: Standing.RUNNING,
    StateType.COMPLETED: Standing.COMPLETED,
    StateType.FAILED: Standing.FAILED,
    StateType.CANCELLED: Standing.FAILED,
    # A crashed run is started again by itself, until it is failed.
    StateType.CRASHED: Standing.RUNNING,
}


class BiomeroBridge:
    """One connection to the database, for as long as it holds."""

    def __init__(
        self, block: BiomeroDatabase, connection: psycopg.Connection, storage: ImageStorage, client: PrefectClient
    ) -> None:
        self._block = block
        self._connection = connection
        self._storage = storage
        self._client = client

    async def cross(self) -> int:
        """One round: claim what is pending, then bring every order of ours forward; returns how many were claimed.

        Raises:
            FailureError: PREFECT_UNREACHABLE, NOT_CONFIGURED.
        """
        log = get_run_logger()
        claimed = await asyncio.to_thread(claim_orders, self._connection, AT_ONCE)
        for uuid in claimed:
            log.info("Order %s is taken", uuid)
        orders = await asyncio.to_thread(read_claimed, self._connection, look_back_days=self._block.look_back_days)
        runs = await self._find_runs([token for order in orders if (token := _key(order)) is not None])
        for order in orders:
            try:
                await self._bring_forward(order, runs)
            except FailureError as error:
                # What is wrong with the order alone is told there; what the site lacks concerns every order.
                if error.failure.category not in _OF_THE_ORDER:
                    raise
                await self._tell(order, [ImportStage.FAILED], _describe(error.failure))
            except PrefectHTTPStatusError as error:
                if error.response.status_code not in _REFUSED:
                    raise
                await self._tell(order, [ImportStage.FAILED], f"Prefect refuses the order. {describe(error)}")
        return len(claimed)

    async def wait(self, seconds: float) -> None:
        """Until there may be something to do: after `seconds`, or as soon as the trigger tells of an order."""
        if self._block.may_add_trigger:
            await asyncio.to_thread(self._wait_for_notice, seconds)
        else:
            await asyncio.sleep(seconds)

    def _wait_for_notice(self, seconds: float) -> None:
        for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            pass

    async def _find_runs(self, tokens: list[str]) -> dict[str, FlowRun]:
        """The import orders' flow runs, by token; runs that were taken over from BIOMERO's history are none."""
        found: dict[str, FlowRun] = {}
        for first in range(0, len(tokens), PAGE):
            wanted = FlowRunFilterIdempotencyKey(any_=tokens[first : first + PAGE])
            runs = await self._client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_of(IMPORT_ORDER)])),
                flow_run_filter=FlowRunFilter(idempotency_key=wanted),
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                limit=PAGE,
            )
            found |= {str(run.idempotency_key): run for run in runs}
        return found

    async def _bring_forward(self, order: ClaimedOrder, runs: dict[str, FlowRun]) -> None:
        run = runs.get(_key(order) or "")
        if run is None or run.state is None:
            if order.told is not ImportStage.FAILED:
                placed = await place_order(self._client, self._read(order))
                get_run_logger().info("Order %s is placed: %s", order.row.uuid, placed.name)
            return
        standing = _STANDINGS[run.state.type]
        claimed_again = order.told is ImportStage.STARTED and order.claimed > run.state.timestamp
        if standing is Standing.FAILED and claimed_again:
            # Somebody set the order back to Pending after it had failed.
            again: State[Any] = AwaitingRetry(message="Retried in BIOMERO's database")
            await self._client.set_flow_run_state(run.id, again, force=True)
            return
        stages = stages_due(order.told, standing, converts=order.row.preprocessing is not None)
        if stages:
            await self._tell(order, stages, await self._last_word(run, run.state, stages[-1]))

    def _read(self, order: ClaimedOrder) -> ImportOrder:
        """
        Raises:
            FailureError: BAD_REQUEST, PATH_OUTSIDE_FOLDER.
        """
        if order.meanings > 1:
            raise _wrong(f"{order.meanings} different orders have this UUID.")
        if order.preprocessing_lost:
            raise _wrong("The order names a conversion that is not in imports_preprocessing.")
        folder = self._storage.named_folder(order.row.group_name)
        return read_order(order.row, mount=self._block.mount, folder=folder)

    async def _tell(self, order: ClaimedOrder, stages: Iterable[ImportStage], description: str) -> None:
        told = list(stages)
        await asyncio.to_thread(tell_stages, self._connection, order.row.uuid, order.told, told, description)
        get_run_logger().info("Order %s: %s. %s", order.row.uuid, told[-1].value, description)

    async def _last_word(self, run: FlowRun, state: State[Any], stage: ImportStage) -> str:
        """What the Monitor's reader learns beside the stage."""
        said = state.message or ""
        if stage is not ImportStage.FAILED:
            return said[:LONGEST_DESCRIPTION] if stage is ImportStage.COMPLETED else ""
        report = await read_latest(self._client, report_key(UUID(run.idempotency_key)))
        lines = [said or "The run failed."]
        if report is not None:
            failed = ImportReport.model_validate_json(report).failed
            lines += [f"{file.path}: {_describe(file.failure)}" for file in failed[:MOST_NAMED] if file.failure]
            lines += [f"... and {len(failed) - MOST_NAMED} more."] if len(failed) > MOST_NAMED else []
        return "\n".join(lines)[:LONGEST_DESCRIPTION]


#: Failures that a row of the database can have by itself.
_OF_THE_ORDER = (FailureCategory.BAD_REQUEST, FailureCategory.PATH_OUTSIDE_FOLDER)
#: What Prefect answers to parameters that it does not take: they are too large, or not what the deployment expects.
_REFUSED = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


@contextmanager
def open_bridge(block: BiomeroDatabase, storage: ImageStorage, client: PrefectClient) -> Iterator[BiomeroBridge]:
    """
    Raises:
        FailureError: BIOMERO_UNREACHABLE, BIOMERO_REFUSED; also for what is done inside.
    """
    with block.connect() as connection:
        if block.may_add_trigger:
            listen(connection)
        yield BiomeroBridge(block, connection, storage, client)


def _key(order: ClaimedOrder) -> str | None:
    """Under which Prefect knows the order; None for one whose uuid is none, which is refused when it is read."""
    try:
        return str(read_token(order.row))
    except FailureError:
        return None


def _describe(failure: Failure) -> str:
    return " ".join(filter(None, (failure.summary, f"({failure.detail})" if failure.detail else "", failure.next_step)))


def _wrong(summary: str) -> FailureError:
    return fail(FailureCategory.BAD_REQUEST, summary, next_step="Place the order again.")
