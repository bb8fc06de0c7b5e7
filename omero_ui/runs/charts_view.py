"""The page of charts."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.failures import FailureCategory, fail
from omero_ui.page import Request, Response, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.runs.charts import chart_of_states, chart_of_storage, chart_of_times
from omero_ui.runs.history import read_days, read_use
from omero_ui.runs.standing import Look
from omero_ui.runs.storage_days import read_storage
from omero_ui.visitor import Visitor

#: Days to choose from.
SPANS = (7, 30, 90)


@page("runs")
def show_charts(request: Request, visitor: Visitor) -> Response:
    """Of the runs that the visitor may see."""
    days = _read_span(request.GET.get("days", "30"))
    now = datetime.now(UTC)
    history = read_days(prefect(), visitor, days, now)
    storage = read_storage(prefect(), visitor, days, now)
    context = {
        "days": days,
        "spans": SPANS,
        "history": [day for day in reversed(history) if day.total],
        "states": chart_of_states(history),
        "times": chart_of_times(history),
        "storage": storage,
        "moved": chart_of_storage(storage.days),
        "looks": list(Look),  # a template would call the class
        "first": history[0].begin if history else now,
        "last": history[-1].begin if history else now,
        "use": read_use(prefect(), visitor, days, now),
    }
    return show(request, visitor, "omero_ui/runs/charts.html", context)


def _read_span(text: str) -> int:
    if text not in map(str, SPANS):
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The charts are of 7, 30 or 90 days.",
            next_step="Choose one of them above the charts.",
        )
    return int(text)
