"""All forms; the forms of one object; one of them, to fill in and with its history."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from contracts.failures import FailureCategory, fail
from contracts.forms import storage
from contracts.forms.form_problem import FormProblem
from contracts.forms.form_values import parse_values
from contracts.forms.record import CopiedFrom
from omero_ui.forms import filling, rights
from omero_ui.forms.assigning import assignment_table
from omero_ui.forms.form_master import open_archive
from omero_ui.forms.people import full_names
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor

LONGEST_MESSAGE = 500


@page("forms")
def show_forms(request: Request, visitor: Visitor) -> Response:
    """For everybody the forms of their groups; for designers all forms, and which group is offered which."""
    archive = open_archive(omero_of(request))
    shelf, assignments = archive.list_forms(), archive.list_assignments()
    designs = rights.may_design(visitor)
    mine = {group.id for group in visitor.groups}
    offered = {assignment.form for assignment in assignments if assignment.group in mine}
    forms = [form for form in shelf.forms.values() if designs or form.id in offered]
    context = {
        "forms": [(form, rights.may_change(visitor, form)) for form in forms],
        "broken": shelf.broken if designs else (),
        "designs": designs,
        "assignments": assignment_table(omero_of(request), visitor, forms, assignments) if designs else None,
        "people": full_names(omero_of(request), (form.latest.author for form in forms)),
    }
    return show(request, visitor, "omero_ui/forms/list.html", context)


@page("forms")
def find_object(request: Request, visitor: Visitor) -> Response:
    """To the forms of the object that somebody named by type and id."""
    number = request.GET.get("id", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotThere
    target = rights.find_object(omero_of(request), request.GET.get("type", ""), int(number))
    return HttpResponseRedirect(reverse("flows:object_forms", args=[target.type.value, target.id]))


@page("forms")
def show_object(request: Request, visitor: Visitor, object_type: str, object_id: int) -> Response:
    """The forms that are offered for an object, and those that were filled in before."""
    conn = omero_of(request)
    target = rights.find_object(conn, object_type, object_id)
    archive = open_archive(conn)
    shelf = archive.list_forms()
    offered = rights.offered(shelf.forms.values(), archive.list_assignments(), target)
    filled = {name: storage.read_records(rows) for name, rows in archive.filled_in(target.type, target.id).items()}
    before = [form for name, form in shelf.forms.items() if name in filled and form not in offered]
    context = {
        "target": target,
        "offered": [(form, filled.get(form.id, ())) for form in offered],
        "before": [(form, filled[form.id]) for form in before],
        "people": full_names(conn, (records[0].changed_by for records in filled.values() if records)),
    }
    return show(request, visitor, "omero_ui/forms/object.html", context)


@page("forms", methods=("GET", "POST"))
def fill_in(request: Request, visitor: Visitor, object_type: str, object_id: int) -> Response:
    conn = omero_of(request)
    target = rights.find_object(conn, object_type, object_id)
    archive = open_archive(conn)
    form, is_offered = filling.find_offered(archive, target, request.GET.get("form", ""))
    if request.method == "POST":
        if not is_offered:
            raise NotThere
        source = filling.find_source(archive, conn, form, request.POST.get("copied_from", ""))
        sent = _read_submission(request, source)
        problems = (
            (sent,) if isinstance(sent, FormProblem) else filling.save(archive, conn, visitor, target, form, sent)
        )
        if problems:
            return tell_problems(request, visitor, problems)
        response = HttpResponse(status=204)
        query = urlencode({"form": form.id, "saved": 1})
        response["HX-Redirect"] = f"{reverse('flows:fill_in', args=[target.type.value, target.id])}?{query}"
        return response
    records = archive.records(filling.place_of(target, form.id))
    source = filling.find_source(archive, conn, form, request.GET.get("from", ""))
    values = dict(archive.records(source.place)[0].values) if source else dict(records[0].values) if records else {}
    history = filling.tell_history(form, records)
    context = {
        "target": target,
        "form": form,
        "fillable": is_offered and target.annotatable,
        "is_offered": is_offered,
        "values": values,
        "history": history,
        "people": full_names(conn, (record.changed_by for record in records)),
        "seen": records[0].key if records else "",
        "token": uuid4(),
        "draft": f"{visitor.id}:{target.type}:{target.id}:{form.id}",
        "saved": "saved" in request.GET,
        "source": source,
        "sources": filling.list_sources(archive, conn, target, form) if is_offered and target.annotatable else [],
    }
    return show(request, visitor, "omero_ui/forms/fill_in.html", context)


def tell_problems(
    request: Request, visitor: Visitor, problems: tuple[FormProblem, ...], *, fields: str = "fields"
) -> Response:
    """The sentences in the place that the page has for them; what was typed stays. `fields`: the form's element."""
    told = [problem.model_dump(mode="json") for problem in problems]
    context = {"problems": problems, "told": told, "fields": fields}
    response = show(request, visitor, "omero_ui/forms/parts/problems.html", context, status=422)
    response["HX-Retarget"] = "#problems"
    response["HX-Reswap"] = "innerHTML"
    return response


def _read_submission(request: Request, source: CopiedFrom | None) -> filling.Submission | FormProblem:
    values = parse_values(request.POST.get("values", ""))
    if isinstance(values, FormProblem):
        return values
    try:
        token = UUID(request.POST.get("token", ""))
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The page did not send its token.",
            next_step="Load the page again; what you typed comes back as a draft.",
        ) from error
    return filling.Submission(
        values=values,
        version=request.POST.get("version", ""),
        seen=request.POST.get("seen") or None,
        message=read_message(request),
        token=token,
        copied_from=source,
    )


def read_message(request: Request) -> str:
    """What somebody says about a change: one line of text that OMERO can keep."""
    message = " ".join(request.POST.get("message", "").split())
    if "\0" in message or len(message) > LONGEST_MESSAGE:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The note about the change is longer than {LONGEST_MESSAGE} characters or has a NUL character.",
            next_step="Shorten it.",
        )
    return message
