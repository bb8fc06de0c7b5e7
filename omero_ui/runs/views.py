"""The list of runs, and a run's own page."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from omero_ui.page import NotThere, Request, Response, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.runs.finding import find_run, list_runs
from omero_ui.runs.summary import summarise
from omero_ui.visitor import Visitor


@page("runs")
def show_runs(request: Request, visitor: Visitor) -> Response:
    return show(request, visitor, "omero_ui/runs/list.html", {"runs": list_runs(prefect(), visitor)})


@page("runs")
def show_run(request: Request, visitor: Visitor, token: UUID) -> Response:
    run = find_run(prefect(), visitor, token)
    summary = summarise(run, datetime.now(UTC))
    if summary is None:
        raise NotThere
    return show(request, visitor, "omero_ui/runs/run.html", {"run": summary})
