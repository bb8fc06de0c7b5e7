"""The workflows as cards, and the dialog that makes a run of one."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from contracts.analysis_run import AnalysisRun, Resources, ResultOptions, RoiShape, TableKind
from contracts.catalogue_listing import UsableWorkflow
from contracts.parameter_schema import parameter_schema
from contracts.result_pattern import PLACEHOLDERS
from omero_ui.analyses.attachments import list_attachments
from omero_ui.analyses.card import make_card
from omero_ui.analyses.catalogue import Shelf, find_usable, read_shelf
from omero_ui.analyses.choice import Choice, read_address
from omero_ui.analyses.chosen import Lookup
from omero_ui.analyses.cluster import installed_workflows, read_limits
from omero_ui.analyses.groups import begin_choice, require_group
from omero_ui.analyses.input_tree import InputTree
from omero_ui.analyses.input_views import chosen_context
from omero_ui.analyses.past_runs import find_last, find_past
from omero_ui.imports.destination_tree import DestinationTree, Kind
from omero_ui.page import Request, Response, omero_of, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.prefect_api.remembered import Remembered
from omero_ui.visitor import Visitor, VisitorGroup

#: Seconds. The cards may be so much behind the catalogue; the dialog and the run never are.
_CARDS_FRESH = 20.0
_shelves = Remembered[Shelf](_CARDS_FRESH)
_installed = Remembered[dict[str, str]](_CARDS_FRESH)


@page("analyse")
def show_cards(request: Request, visitor: Visitor) -> Response:
    """The catalogue; `search` narrows it. Images, datasets and plates in the address go on to the dialog."""
    shelf = _recent_shelf()
    search = request.GET.get("search", "").strip()[:255]
    installed = _installed.get("installed", lambda: installed_workflows(prefect()))
    listed = () if shelf.listing is None else shelf.listing.workflows
    cards = [make_card(workflow, installed.get(workflow.name)) for workflow in listed]
    named = {kind.lower(): ids for kind, ids in read_address(request.GET).items() if ids}
    context = {
        "shelf": shelf,
        "cards": [card for card in cards if card.says(search)],
        "search": search,
        "carried": urlencode(named, doseq=True),
        "named": named,
        "looked": bool(installed),
        "here": request.get_full_path(),
    }
    return show(request, visitor, "omero_ui/analyses/cards.html", context)


@page("analyse")
def show_dialog(request: Request, visitor: Visitor, name: str) -> Response:
    """The four steps. What is chosen comes from the address, or from an earlier run (`again`)."""
    conn = omero_of(request)
    workflow, usable = find_usable(prefect(), name)
    past = find_past(prefect(), visitor, _token(request.GET["again"])) if "again" in request.GET else None
    if past is not None:
        choice = _choice_of(past)
        require_group(visitor, choice.group)
    else:
        choice = begin_choice(conn, visitor, read_address(request.GET), request.GET.get("group"))
    group = require_group(visitor, choice.group)
    chosen = Lookup(conn, group.id).look_up(choice)
    context = {
        "workflow": workflow,
        "usable": usable,
        "card": make_card(workflow),
        "group": group.name,
        "token": uuid.uuid4(),
        "past": past,
        "has_last": past is None and find_last(prefect(), visitor, name) is not None,
        "nodes": InputTree(conn, group.id, visitor.id).roots(),
        **chosen_context(chosen, {}),
        **_parameters(conn, group, usable, past),
        **_output(conn, visitor, group, past),
    }
    return show(request, visitor, "omero_ui/analyses/dialog.html", context)


@page("analyse")
def show_parameters(request: Request, visitor: Visitor, name: str) -> Response:
    """The form of the parameters: with the defaults, or with the values of the visitor's last run (`last`)."""
    workflow, usable = find_usable(prefect(), name)
    group = require_group(visitor, request.GET.get("group", ""))
    last = find_last(prefect(), visitor, name) if request.GET.get("last") == "1" else None
    context = {
        "workflow": workflow,
        "usable": usable,
        "group": group.name,
        "from_last": last is not None,
        "has_last": True,
        **_parameters(omero_of(request), group, usable, last),
    }
    return show(request, visitor, "omero_ui/analyses/parameters.html", context)


@page("analyse")
def begin_again(request: Request, visitor: Visitor, token: UUID) -> Response:
    """The dialog, filled with an earlier run that the visitor may see."""
    past = find_past(prefect(), visitor, token)
    where = reverse("flows:analyse_dialog", args=[past.workflow.name])
    return HttpResponseRedirect(f"{where}?{urlencode({'again': str(token)})}")


def _recent_shelf() -> Shelf:
    """One that is being read is asked for anew, because its page is."""
    shelf = _shelves.get("shelf", lambda: read_shelf(prefect()))
    return read_shelf(prefect()) if shelf.is_reading else shelf


def _token(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _choice_of(run: AnalysisRun) -> Choice:
    inputs = run.inputs
    return Choice(group=run.group, images=inputs.images, datasets=inputs.datasets, plates=inputs.plates)


def _parameters(conn: Any, group: VisitorGroup, usable: UsableWorkflow, past: AnalysisRun | None) -> dict[str, Any]:
    """Values that the workflow no longer has a place for are left out."""
    descriptor = usable.descriptor
    values: dict[str, Any] = {}
    if past is not None:
        known = {item.id for item in descriptor.form_fields}
        given = {**past.parameters, **{name: list(ids) for name, ids in past.inputs.attachments.items()}}
        values = {name: value for name, value in given.items() if name in known}
    return {
        "schema": parameter_schema(descriptor),
        "values": values,
        "attachments": list_attachments(conn, group.id) if descriptor.files else [],
        "has_parameters": bool(descriptor.form_fields),
    }


def _output(conn: Any, visitor: Visitor, group: VisitorGroup, past: AnalysisRun | None) -> dict[str, Any]:
    found = DestinationTree(conn, group.id, visitor.id).search("")
    datasets = {node.id: node.name for node in found if node.kind is Kind.DATASET and node.may_link}
    results = ResultOptions() if past is None else past.results
    destination = results.destination
    if destination is not None and destination.id is not None:
        datasets.setdefault(destination.id, f"Dataset {destination.id}")
    return {
        "limits": read_limits(prefect()),
        "results": results,
        "resources": Resources() if past is None else past.resources,
        "batch_size": None if past is None else past.batch_size,
        "datasets": datasets,
        "placeholders": PLACEHOLDERS,
        "shapes": list(RoiShape),
        "table_kinds": list(TableKind),
    }
