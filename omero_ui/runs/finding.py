"""Finding runs in Prefect; everything that narrows a list is asked of Prefect, not done here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.run_tags import HOUSEKEEPING, ORDERED, RunKind, kind_tag
from omero_ui.page import NotThere
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.runs.query import ROWS, RunQuery, as_filter
from omero_ui.runs.visible import may_see
from omero_ui.visitor import Visitor

#: The newest first, by an index of Prefect's database.
_NEWEST = "EXPECTED_START_TIME_DESC"


@dataclass(frozen=True)
class FoundRuns:
    """One page of a list, newest first; `more`: whether there is another."""

    runs: list[FlowRun]
    more: bool


def list_runs(prefect: PrefectApi, visitor: Visitor, query: RunQuery, now: datetime) -> FoundRuns:
    """The runs of a page that the visitor may see."""
    body = {
        "flow_runs": as_filter(query, visitor, now),
        "sort": _NEWEST,
        "limit": ROWS + 1,  # the one more says that there is a next page; counting them all would take longer
        "offset": (query.page - 1) * ROWS,
    }
    found = _filter(prefect, body)
    return FoundRuns(found[:ROWS], len(found) > ROWS)


def count_newer(prefect: PrefectApi, visitor: Visitor, query: RunQuery, since: datetime, now: datetime) -> int:
    """How many runs of a list were placed after a moment."""
    wanted = as_filter(query, visitor, now)
    if "idempotency_key" in wanted:
        return 0
    wanted["expected_start_time"] = {"after_": since.isoformat()}
    return int(prefect.post("/flow_runs/count", {"flow_runs": wanted}))


def find_run(prefect: PrefectApi, visitor: Visitor, token: UUID) -> FlowRun:
    """The run of an order.

    Raises:
        NotThere: there is none, or the visitor may not see it.
    """
    # By the idempotency key there is an index; a run that was placed without one has its token as a tag alone. A batch
    # that a schedule started has neither, and is known by its flow run.
    for wanted in (
        {"idempotency_key": {"any_": [str(token)]}},
        {"id": {"any_": [str(token)]}, "tags": {"all_": [HOUSEKEEPING, kind_tag(RunKind.BATCH)]}},
        {"tags": {"all_": [ORDERED, str(token)]}},
    ):
        for run in _filter(prefect, {"flow_runs": wanted, "sort": _NEWEST, "limit": 1}):
            if may_see(visitor, run.tags):
                return run
    raise NotThere


def find_runs(prefect: PrefectApi, visitor: Visitor, *, flow_runs: Sequence[UUID]) -> list[FlowRun]:
    """Those of these flow runs that the visitor may see; at most `PAGE`."""
    if not flow_runs:
        return []
    wanted = {"id": {"any_": [str(run) for run in flow_runs[:PAGE]]}}
    return [run for run in _filter(prefect, {"flow_runs": wanted, "limit": PAGE}) if may_see(visitor, run.tags)]


def find_orders(prefect: PrefectApi, visitor: Visitor, tokens: Collection[UUID]) -> list[FlowRun]:
    """The runs of these orders that the visitor may see, newest first; at most `PAGE`."""
    if not tokens:
        return []
    wanted = {"idempotency_key": {"any_": [str(token) for token in list(tokens)[:PAGE]]}}
    found = _filter(prefect, {"flow_runs": wanted, "sort": _NEWEST, "limit": PAGE})
    return [run for run in found if may_see(visitor, run.tags)]


def _filter(prefect: PrefectApi, body: dict[str, Any]) -> list[FlowRun]:
    return [FlowRun.model_validate(item) for item in prefect.post("/flow_runs/filter", body)]
