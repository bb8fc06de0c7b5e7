"""Values of earlier runs, to begin from."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from contracts.analysis_run import AnalysisRun
from contracts.run_tags import ORDERED, user_tag, workflow_tag
from omero_ui.page import NotThere
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.runs.finding import find_run
from omero_ui.visitor import Visitor


def find_last(prefect: PrefectApi, visitor: Visitor, workflow: str) -> AnalysisRun | None:
    """The visitor's own latest run of a workflow; None when there is none that can still be read."""
    body = {
        "flow_runs": {"tags": {"all_": [ORDERED, user_tag(visitor.name), workflow_tag(workflow)]}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": 1,
    }
    found = prefect.post("/flow_runs/filter", body) or []
    return read_run(FlowRun.model_validate(found[0])) if found else None


def find_past(prefect: PrefectApi, visitor: Visitor, token: UUID) -> AnalysisRun:
    """The run of that token.

    Raises:
        NotThere: there is none, the visitor may not see it, or it is no analysis.
    """
    run = read_run(find_run(prefect, visitor, token))
    if run is None:
        raise NotThere
    return run


def read_run(run: FlowRun) -> AnalysisRun | None:
    """None for a flow run that is no analysis, or one of another version of this software."""
    try:
        return AnalysisRun.model_validate(run.parameters.get("run"))
    except ValidationError:
        return None
