"""The designer: a form's schema beside the form itself, its versions, and who is offered it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from contracts.failures import FailureCategory, fail
from contracts.forms.differences import compare_schemas
from contracts.forms.form import Form, FormVersion, ObjectType
from contracts.forms.form_problem import FormProblem
from contracts.forms.form_schema import check_name, check_schema, parse_schema
from omero_ui.forms import rights
from omero_ui.forms.archive import Archive, now
from omero_ui.forms.assigning import require_managed, row_of
from omero_ui.forms.form_master import open_archive
from omero_ui.forms.people import full_names
from omero_ui.forms.views import read_message, tell_problems
from omero_ui.page import NotThere, Request, Response, omero_of, page, show
from omero_ui.visitor import Visitor

#: What a new form begins with.
FIRST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Sample",
    "required": ["organism"],
    "properties": {
        "organism": {"type": "string", "title": "Organism", "x-terms": ["Homo sapiens", "Mus musculus"]},
        "temperature": {"type": "number", "title": "Temperature", "x-unit": "°C"},
        "notes": {"type": "string", "title": "Notes", "maxLength": 5000, "x-multiline": True},
    },
}


@page("forms", methods=("GET", "POST"))
def design(request: Request, visitor: Visitor) -> Response:
    rights.require_designer(visitor)
    archive = open_archive(omero_of(request))
    named = request.GET.get("form", "")
    form = archive.find_form(named) if named else None
    if named and form is None:
        raise NotThere
    if request.method == "POST":
        return _save(request, visitor, archive, form)
    start = form.latest.json_schema if form else FIRST_SCHEMA
    context = {
        "form": form,
        "changeable": rights.may_change(visitor, form),
        "schema_text": json.dumps(start, indent=2, ensure_ascii=False),
        "types": [(item, form is None or item in form.object_types) for item in ObjectType],
        "versions": _tell_versions(form),
        "people": full_names(omero_of(request), (version.author for version in form.versions) if form else ()),
        "saved": "saved" in request.GET,
    }
    return show(request, visitor, "omero_ui/forms/design.html", context)


@page("forms", methods=("POST",))
def check(request: Request, visitor: Visitor) -> Response:
    """What is wrong with the schema as it stands in the designer, or what it changes."""
    rights.require_designer(visitor)
    named = request.GET.get("form", "")
    form = open_archive(omero_of(request)).find_form(named) if named else None
    schema = parse_schema(request.POST.get("schema", ""))
    problems: tuple[FormProblem, ...]
    changes: tuple[str, ...] = ()
    if isinstance(schema, FormProblem):
        problems = (schema,)
    else:
        problems = check_schema(schema)
        if form is not None and not problems:
            changes = compare_schemas(form.latest.json_schema, schema)
    context = {"problems": problems, "told": [], "changes": changes, "checked": True}
    return show(request, visitor, "omero_ui/forms/parts/problems.html", context)


@page("forms", methods=("POST",))
def assign(request: Request, visitor: Visitor) -> Response:
    """Offer a form in a group for the types that are ticked; the answer is the table's row as it stands now."""
    rights.require_designer(visitor)
    conn = omero_of(request)
    group = require_managed(conn, visitor, _number(request.POST.get("group", "")))
    archive = open_archive(conn)
    form = archive.find_form(request.POST.get("form", ""))
    if form is None:
        raise NotThere
    types = tuple(item for item in _read_types(request) if item in form.object_types)
    archive.assign(form.id, group.id, types)
    return show(request, visitor, "omero_ui/forms/parts/assignment.html", {"row": row_of(form, group, types)})


def _save(request: Request, visitor: Visitor, archive: Archive, form: Form | None) -> Response:
    if not rights.may_change(visitor, form):
        raise fail(
            FailureCategory.DESTINATION_NOT_WRITABLE,
            f"{form.title if form else ''!r} belongs to somebody else.",
            next_step="Ask its owner or an administrator, or save it under another name.",
        )
    name = form.id if form else request.POST.get("name", "").strip()
    schema = parse_schema(request.POST.get("schema", ""))
    types = _read_types(request)
    problems = [] if form else [problem for problem in (check_name(name),) if problem]
    if not types:
        problems.append(FormProblem(where="For", what="No type of object is chosen.", next_step="Choose one or more."))
    problems += [schema] if isinstance(schema, FormProblem) else check_schema(schema)
    if problems or isinstance(schema, FormProblem):
        return tell_problems(request, visitor, tuple(problems))
    version = FormVersion(
        key="new",
        at=now(),
        author=visitor.id,
        message=read_message(request),
        source_url=form.latest.source_url if form else "",
        json_schema=schema,
        ui_schema=form.latest.ui_schema if form else {},
    )
    archive.save_version(name, version, types, seen=request.POST.get("seen") or None)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{reverse('flows:design_form')}?{urlencode({'form': name, 'saved': 1})}"
    return response


def _tell_versions(form: Form | None) -> list[tuple[FormVersion, int, tuple[str, ...]]]:
    """Each version with its number and what it changed, newest first."""
    versions = form.versions if form else ()
    told = []
    for place, version in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        changes = compare_schemas(before.json_schema, version.json_schema) if before else ()
        told.append((version, len(versions) - place, changes))
    return told


def _read_types(request: Request) -> list[ObjectType]:
    ticked = set(request.POST.getlist("type"))
    return [item for item in ObjectType if item.value in ticked]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotThere
    return int(text)
