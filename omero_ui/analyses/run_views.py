"""The dialog's last step: all is checked and said in words; then the run is placed."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from contracts.catalogue_listing import ListedWorkflow, UsableWorkflow
from omero_ui.analyses.catalogue import find_usable
from omero_ui.analyses.choice import read_choice
from omero_ui.analyses.chosen import Chosen, Lookup
from omero_ui.analyses.cluster import count_waiting, read_limits
from omero_ui.analyses.groups import require_group
from omero_ui.analyses.run_form import CheckedRun, RunForm
from omero_ui.analyses.words import describe_run
from omero_ui.page import Request, Response, omero_of, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.prefect_api.placing import place_analysis
from omero_ui.visitor import Visitor

#: The form is understood, and what it asks for cannot be done.
REFUSED = 400


@page("analyse", methods=("POST",))
def check(request: Request, visitor: Visitor, name: str) -> Response:
    """Say what the run will do, or what is wrong; nothing is placed."""
    workflow, usable = find_usable(prefect(), name)
    chosen, checked = _check(request, visitor, workflow, usable)
    return _answer(request, visitor, usable, chosen, checked)


@page("analyse", methods=("POST",))
def place(request: Request, visitor: Visitor, name: str) -> Response:
    """Place the run and go to its page; the same form again gives the run that is there."""
    workflow, usable = find_usable(prefect(), name)
    chosen, checked = _check(request, visitor, workflow, usable)
    if checked.run is None:
        return _answer(request, visitor, usable, chosen, checked)
    place_analysis(prefect(), checked.run)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse("flows:run", args=[checked.run.uuid])
    return response


def _check(
    request: Request, visitor: Visitor, workflow: ListedWorkflow, usable: UsableWorkflow
) -> tuple[Chosen, CheckedRun]:
    choice = read_choice(request.POST.get("choice", ""))
    group = require_group(visitor, choice.group)
    lookup = Lookup(omero_of(request), group.id)
    chosen = lookup.look_up(choice)
    form = RunForm(request.POST, visitor.name, workflow.name, usable, read_limits(prefect()), chosen)
    return chosen, form.check(lookup)


def _answer(
    request: Request, visitor: Visitor, usable: UsableWorkflow, chosen: Chosen, checked: CheckedRun
) -> Response:
    said = []
    if checked.run is not None and checked.resources is not None:
        said = describe_run(checked.run, usable, chosen, checked.resources)
    context = {"said": said, "problems": checked.problems, "waiting": count_waiting(prefect()) if said else 0}
    status = REFUSED if checked.problems else 200
    return show(request, visitor, "omero_ui/analyses/check.html", context, status=status)
