"""The forms of the list's destinations, to fill in with the order."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpResponse

from contracts.destination import DestinationType
from omero_ui.forms.views import tell_problems
from omero_ui.imports.addresses import number
from omero_ui.imports.draft import Target
from omero_ui.imports.order_forms import Misfit, list_offered
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor


@page("import")
def show_forms(request: Request, visitor: Visitor) -> Response:
    """A line for each form: `target` as `Dataset:7`, its `name` to be shown, `token` of the list."""
    target, token = _target(request), request.GET.get("token", "")
    lines = [(one, draft_key(token, target, one.form.id)) for one in list_offered(omero_of(request), target)]
    context = {"lines": lines, "target": target, "token": token}
    return show(request, visitor, "omero_ui/imports/forms.html", context)


@page("import")
def show_fields(request: Request, visitor: Visitor) -> Response:
    """The fields of one `form` when it is ticked (`fill`); nothing when it is not any more."""
    if "fill" not in request.GET:
        return HttpResponse("")
    name, target = request.GET.get("form", ""), _target(request)
    one = next((one for one in list_offered(omero_of(request), target) if one.form.id == name), None)
    if one is None:
        raise NotThere
    context = {
        "form": one.form,
        "values": one.newest.values if one.newest else {},
        "target": target,
        "element": element_of(target, name),
        "draft": draft_key(request.GET.get("token", ""), target, name),
    }
    return show(request, visitor, "omero_ui/imports/form_fields.html", context)


def tell_misfit(request: Request, visitor: Visitor, misfit: Misfit) -> Response:
    """What does not fit, at its fields and above them; nothing was placed."""
    problems = tuple(
        problem.model_copy(update={"where": f"{misfit.form.title} of {misfit.target.name}, {problem.where}"})
        for problem in misfit.problems
    )
    return tell_problems(request, visitor, problems, fields=element_of(misfit.target, misfit.form.id))


def element_of(target: Target, form: str) -> str:
    """The id of the element that a form is drawn in: a name may have spaces, an id may not."""
    return f"fields-{target.type.value}-{target.id}-{quote(form, safe='')}"


def draft_key(token: str, target: Target, form: str) -> str:
    """Under which the browser keeps what was typed: until the list is cleared, which mints another token."""
    return f"import:{token[:36]}:{target.place}:{form}"


def _target(request: Request) -> Target:
    kind, _, id = request.GET.get("target", "").partition(":")
    if kind not in set(DestinationType):
        raise NotThere
    return Target(type=DestinationType(kind), id=number(id), name=request.GET.get("name", "")[:255])
