"""The page of charts, and the two parts of it that are added up after it is there."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.failures import FailureCategory, fail
from omero_ui.page import Request, Response, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.prefect_api.remembered import Remembered
from omero_ui.runs.charts import chart_of_states, chart_of_storage, chart_of_times
from omero_ui.runs.history import Day, Use, read_days, read_use
from omero_ui.runs.standing import Look
from omero_ui.runs.storage_days import read_storage
from omero_ui.runs.visible import seen_alike
from omero_ui.visitor import Visitor

#: Days to choose from.
SPANS = (7, 30, 90)
#: Seconds. Charts are of days; whoever watches a run looks at the run.
_FRESH = 60.0
_histories = Remembered[list[Day]](_FRESH)
_uses = Remembered[Use](_FRESH)


@page("runs")
def show_charts(request: Request, visitor: Visitor) -> Response:
    """Of the runs that the visitor may see: how many, and how long they took."""
    days, now = _read_span(request.GET.get("days", "30")), datetime.now(UTC)
    history = _histories.get((seen_alike(visitor), days), lambda: read_days(prefect(), visitor, days, now))
    context = {
        "days": days,
        "spans": SPANS,
        "history": [day for day in reversed(history) if day.total],
        "states": chart_of_states(history),
        "times": chart_of_times(history),
        "looks": list(Look),  # a template would call the class
        "first": history[0].begin if history else now,
        "last": history[-1].begin if history else now,
    }
    return show(request, visitor, "omero_ui/runs/charts.html", context)


@page("runs")
def show_storage(request: Request, visitor: Visitor) -> Response:
    """The part that says what went in and out. Prefect sums no bytes; while it is summed up, the part comes again."""
    days, now = _read_span(request.GET.get("days", "30")), datetime.now(UTC)
    storage = read_storage(prefect(), visitor, days, now)
    context = {
        "storage": storage,
        "span": days,
        "moved": chart_of_storage(storage.days),
        "first": storage.days[0].begin,
        "last": storage.days[-1].begin,
    }
    return show(request, visitor, "omero_ui/runs/storage.html", context, framed=False)


@page("runs")
def show_use(request: Request, visitor: Visitor) -> Response:
    """The part that says who used what. Prefect counts none by tag: some hundred runs are read."""
    days, now = _read_span(request.GET.get("days", "30")), datetime.now(UTC)
    use = _uses.get((seen_alike(visitor), days), lambda: read_use(prefect(), visitor, days, now))
    return show(request, visitor, "omero_ui/runs/uses.html", {"use": use}, framed=False)


def _read_span(text: str) -> int:
    if text not in map(str, SPANS):
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The charts are of 7, 30 or 90 days.",
            next_step="Choose one of them above the charts.",
        )
    return int(text)
