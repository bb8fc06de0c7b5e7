"""The right panel's tab "Flows" on an image, dataset, plate or screen."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from contracts.destination import DestinationType
from omero_ui.analyses.choice import InputKind
from omero_ui.lineage.marks import ObjectKind, read_marks
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.runs.finding import find_orders
from omero_ui.runs.summary import RunSummary, summarise
from omero_ui.visitor import Visitor


@page("")
def show_lineage(request: Request, visitor: Visitor, kind: str, object_id: int) -> Response:
    """Made by, and used by; runs that the visitor may not see are counted alone."""
    selected = ObjectKind(kind)
    conn = omero_of(request)
    marks = read_marks(conn, selected, object_id)
    if marks is None:
        raise NotThere
    destination = selected.value.capitalize()
    importable = destination in set(DestinationType) and conn.getObject(destination, object_id).canLink()
    now = datetime.now(UTC)
    found = [summarise(run, now) for run in find_orders(prefect(), visitor, marks.made | marks.used)]
    runs = [run for run in found if run is not None]
    context = {
        "kind": selected,
        "object_id": object_id,
        "analysable": selected.value in {kind.value.lower() for kind in InputKind},
        "importable": destination if importable else "",
        "forms": destination,
        "made": _of(runs, marks.made),
        "used": _of(runs, marks.used),
        "unseen": len(marks.made | marks.used) - len(runs),
    }
    return show(request, visitor, "omero_ui/lineage/panel.html", context, framed=False)


def _of(runs: list[RunSummary], tokens: frozenset[UUID]) -> list[RunSummary]:
    return [run for run in runs if run.token in tokens]
