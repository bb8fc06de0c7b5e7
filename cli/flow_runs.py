"""Orders as Prefect knows them: found by their token, and what they reported."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from contracts.analysis_report import AnalysisReport, analysis_report_key
from contracts.failures import FailureCategory, fail
from contracts.import_report import ImportReport, progress_key, report_key
from contracts.migrated_run import read_history
from contracts.run_tags import ORDERED
from contracts.waiting_job import JobStanding, news_key
from tasks.latest_artifact import read_latest


def parse_token(text: str) -> UUID:
    """The order's token as typed by a person.

    Raises:
        FailureError: BAD_REQUEST.
    """
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST, f"{text!r} is not a UUID.", next_step="Copy it from `omero-flows runs`."
        ) from error


async def find_run(client: PrefectClient, token: UUID) -> FlowRun:
    """The flow run of an order, by the order's token or by its own id.

    Raises:
        FailureError: BAD_REQUEST when there is none.
    """
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[str(token)])),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=1,
    )
    if found:
        return found[0]
    try:
        return await client.read_flow_run(token)
    except ObjectNotFound as error:
        raise fail(
            FailureCategory.BAD_REQUEST, f"There is no order and no run {token}.", next_step="See `omero-flows runs`."
        ) from error


async def list_runs(client: PrefectClient, limit: int) -> list[FlowRun]:
    """The latest orders, newest first."""
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[ORDERED])),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=limit,
    )


async def read_report(client: PrefectClient, token: UUID) -> ImportReport | None:
    """The order's latest report; None before it has one."""
    said = await read_latest(client, report_key(token))
    return None if said is None else ImportReport.model_validate_json(said)


async def read_analysis_report(client: PrefectClient, token: UUID) -> AnalysisReport | None:
    """The run's latest report; None before it has one."""
    said = await read_latest(client, analysis_report_key(token))
    return None if said is None else AnalysisReport.model_validate_json(said)


async def read_standing(client: PrefectClient, token: UUID) -> JobStanding | None:
    """How the run's job stood when the cluster's watcher last asked; None before it did."""
    said = await read_latest(client, news_key(token))
    return None if said is None else JobStanding.model_validate_json(said)


async def read_progress(client: PrefectClient, token: UUID) -> float:
    """The share of the order's files that have ended, well or badly, from 0 to 1."""
    said = await read_latest(client, progress_key(token))
    return 0.0 if said is None else float(said) / 100


def token_of(run: FlowRun) -> UUID:
    """The token of an order or an analysis, from the run's parameters; the run's id when it has none."""
    parameters = run.parameters or {}
    order = parameters.get("order", parameters.get("run"))
    return UUID(order["uuid"]) if isinstance(order, dict) and "uuid" in order else run.id


def local(moment: datetime | None) -> str:
    """A moment in the reader's own time zone."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def state_moment(run: FlowRun) -> datetime | None:
    """Since when it stands as it does; of a run that BIOMERO did, when that ended, else began."""
    history = read_history(run.tags, run.parameters)
    if history is not None:
        return history.ended or history.began or history.placed
    return run.state.timestamp if run.state is not None else run.created


def state_name(run: FlowRun) -> str:
    return run.state.name or run.state.type.value.title() if run.state is not None else "Unknown"
