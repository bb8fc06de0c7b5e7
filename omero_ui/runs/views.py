"""The list of runs, a run's own page, and what can be done to a run."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse

from contracts.failures import FailureCategory, fail
from contracts.run_tags import RunKind
from omero_ui.page import NotThere, Request, Response, is_part, omero_of, page, show
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.blocks import WORKFLOW_CATALOGUE, find_block
from omero_ui.prefect_api.connection import prefect
from omero_ui.prefect_api.remembered import Remembered
from omero_ui.runs import changing
from omero_ui.runs.batch_outcome import read_batch_outcome
from omero_ui.runs.finding import count_newer, find_run, find_runs, list_runs
from omero_ui.runs.object_names import find_names
from omero_ui.runs.outcome import Outcome, read_outcome
from omero_ui.runs.parameters import describe_order
from omero_ui.runs.query import Since, read_query
from omero_ui.runs.rows import RunRow, make_rows
from omero_ui.runs.run_log import read_tail, read_whole
from omero_ui.runs.standing import Look
from omero_ui.runs.steps import read_steps
from omero_ui.runs.summary import RunSummary, summarise
from omero_ui.runs.visible import may_see_batches
from omero_ui.visitor import Visitor

#: Seconds after which a new workflow is in the menu above the list.
_MENU_FRESH = 20.0
_menu = Remembered[list[str]](_MENU_FRESH)


@page("runs")
def show_runs(request: Request, visitor: Visitor) -> Response:
    """The list; what narrows it is in the address."""
    query, now = read_query(request.GET), datetime.now(UTC)
    found = list_runs(prefect(), visitor, query, now)
    context = {
        "query": query,
        "rows": make_rows(prefect(), found.runs, now),
        "more": found.more,
        "asked": now,
        "kinds": [kind for kind in RunKind if kind is not RunKind.BATCH or may_see_batches(visitor)],
        "looks": list(Look),
        "spans": list(Since),
        "workflows": _workflows(),
        "next_page": query.address(page=query.page + 1),
        "previous_page": query.address(page=query.page - 1),
        "from_the_start": query.address(page=1),
    }
    return show(request, visitor, "omero_ui/runs/list.html", context)


@page("runs", methods=("POST",))
def show_changes(request: Request, visitor: Visitor) -> Response:
    """Of the rows that a list shows, those that have changed; and how many runs are new. Nothing else moves."""
    query, now = read_query(request.POST), datetime.now(UTC)
    shown = dict(_read_mark(mark) for mark in request.POST.getlist("row"))
    rows = make_rows(prefect(), find_runs(prefect(), visitor, flow_runs=list(shown)), now)
    changed = [row for row in rows if shown[row.run.flow_run] != row.mark]
    newer = count_newer(prefect(), visitor, query, _read_moment(request.POST.get("asked", "")), now)
    context = {"rows": changed, "newer": newer, "from_the_start": query.address(page=1)}
    return show(request, visitor, "omero_ui/runs/changes.html", context)


@page("runs")
def show_run(request: Request, visitor: Visitor, token: UUID) -> Response:
    run, summary = _find(visitor, token)
    conn = omero_of(request)
    context = _live(conn, visitor, run, summary) | {
        "parameters": describe_order(run, summary.kind, partial(find_names, conn)),
        "new_token": uuid.uuid4(),
        "can_repeat": changing.can_repeat(visitor, summary),
    }
    return show(request, visitor, "omero_ui/runs/run.html", context)


@page("runs")
def show_run_now(request: Request, visitor: Visitor, token: UUID) -> Response:
    """What changes on a run's page while it runs; nothing when the page shows it already (`seen`)."""
    run, summary = _find(visitor, token)
    context = _live(omero_of(request), visitor, run, summary)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return show(request, visitor, "omero_ui/runs/now.html", context)


@page("runs")
def show_log(request: Request, visitor: Visitor, token: UUID) -> Response:
    """The last lines; asked for again while the run goes on."""
    run, summary = _find(visitor, token)
    context = {"run": summary, "lines": read_tail(prefect(), run.id)}
    return show(request, visitor, "omero_ui/runs/log.html", context)


@page("runs")
def download_log(request: Request, visitor: Visitor, token: UUID) -> Response:
    run, _ = _find(visitor, token)
    response = StreamingHttpResponse(read_whole(prefect(), run.id), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{token}.log"'
    return response


@page("runs", methods=("POST",))
def cancel_run(request: Request, visitor: Visitor, token: UUID) -> Response:
    run, _ = _find(visitor, token)
    changing.cancel(prefect(), visitor, run)
    return _go_to(request, token)


@page("runs", methods=("POST",))
def retry_run(request: Request, visitor: Visitor, token: UUID) -> Response:
    run, _ = _find(visitor, token)
    changing.retry(prefect(), visitor, run)
    return _go_to(request, token)


@page("runs", methods=("POST",))
def repeat_run(request: Request, visitor: Visitor, token: UUID) -> Response:
    run, summary = _find(visitor, token)
    try:
        new = UUID(request.POST.get("new_token", ""))
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST, "The form is not whole.", next_step="Load the page again and try once more."
        ) from error
    return _go_to(request, changing.repeat(prefect(), visitor, run, summary, new))


def _find(visitor: Visitor, token: UUID) -> tuple[FlowRun, RunSummary]:
    run = find_run(prefect(), visitor, token)
    summary = summarise(run, datetime.now(UTC))
    if summary is None:
        raise NotThere
    return run, summary


def _live(conn: Any, visitor: Visitor, run: FlowRun, summary: RunSummary) -> dict[str, Any]:
    """`seen` is what the page tells the server that it shows. `gone`: results that OMERO does not show the visitor."""
    now = datetime.now(UTC)
    if summary.kind is RunKind.BATCH:
        outcome = read_batch_outcome(prefect(), summary.flow_run)
    else:
        outcome = read_outcome(prefect(), summary.token, summary.kind)
    row = next(iter(make_rows(prefect(), [run], now)), RunRow(run=summary))
    context: dict[str, Any] = {
        "run": summary,
        "row": row,
        "steps": read_steps(prefect(), run.id, summary.kind, summary.standing, now),
        "outcome": outcome,
        "gone": _gone(conn, outcome),
        "can_cancel": changing.can_cancel(visitor, run),
        "can_retry": changing.can_retry(visitor, run),
    }
    # How long what runs has taken changes always, and is no reason to draw the page again.
    steps = context["steps"].model_dump_json(exclude={"steps": {"__all__": {"seconds"}}})
    return context | {"seen": _fingerprint([row.mark, steps])}


def _gone(conn: Any, outcome: Outcome | None) -> frozenset[str]:
    """What the webclient would not find, of all that the page links to."""
    shown = set() if outcome is None else {one.show for one in outcome.shown if one.show is not None}
    keys = {show: (show.partition("-")[0].capitalize(), int(show.partition("-")[2])) for show in shown}
    there = find_names(conn, keys.values())
    return frozenset(show for show, key in keys.items() if key not in there)


def _fingerprint(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _go_to(request: Request, token: UUID) -> Response:
    """The run's page anew, for a form of a page as for htmx."""
    address = reverse("flows:run", args=[token])
    if not is_part(request):
        return HttpResponseRedirect(address)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = address
    return response


def _workflows() -> list[str]:
    """For the menu; the same for everybody."""

    def ask() -> list[str]:
        catalogue = find_block(prefect(), WORKFLOW_CATALOGUE)
        return sorted(catalogue.data.get("workflows", {})) if catalogue is not None else []

    return _menu.get("workflows", ask)


def _read_mark(text: str) -> tuple[UUID, str]:
    try:
        return UUID(text.partition(":")[0]), text
    except ValueError as error:
        raise _not_whole() from error


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _not_whole() from error
    if moment.tzinfo is None:
        raise _not_whole()
    return moment


def _not_whole() -> Exception:
    return fail(FailureCategory.BAD_REQUEST, "The page is not whole.", next_step="Load it again.")
