"""Finding runs in Prefect; everything that narrows a list is asked of Prefect, not done here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.run_tags import ORDERED
from omero_ui.page import NotThere
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.runs.summary import RunSummary, summarise
from omero_ui.runs.visible import may_see, visible_tags
from omero_ui.visitor import Visitor

ROWS = 50


def list_runs(prefect: PrefectApi, visitor: Visitor) -> list[RunSummary]:
    """The latest runs that the visitor may see, newest first."""
    tags: dict[str, Any] = {"all_": [ORDERED]}
    if (wanted := visible_tags(visitor)) is not None:
        tags["any_"] = wanted
    body = {"flow_runs": {"tags": tags}, "sort": "EXPECTED_START_TIME_DESC", "limit": ROWS}
    now = datetime.now(UTC)
    found = [summarise(FlowRun.model_validate(item), now) for item in prefect.post("/flow_runs/filter", body)]
    return [run for run in found if run is not None]


def find_run(prefect: PrefectApi, visitor: Visitor, token: UUID) -> FlowRun:
    """The run of an order.

    Raises:
        NotThere: there is none, or the visitor may not see it.
    """
    body = {
        "flow_runs": {"tags": {"all_": [ORDERED, str(token)]}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": 1,
    }
    found = [FlowRun.model_validate(item) for item in prefect.post("/flow_runs/filter", body)]
    if not found or not may_see(visitor, found[0].tags):
        raise NotThere
    return found[0]
