"""Forms filled in with an order: those that are offered for its destination, and what the page sent of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from contracts.failures import FailureCategory, fail
from contracts.forms.form import Form
from contracts.forms.form_problem import FormProblem
from contracts.forms.form_values import check_values, parse_values
from contracts.forms.record import FilledForm, FormRecord
from omero_ui import settings
from omero_ui.forms.filling import place_of
from omero_ui.forms.form_master import open_archive
from omero_ui.forms.rights import find_object, offered, require_annotatable
from omero_ui.imports.draft import Target


class OfferedForm(NamedTuple):
    """`newest`: what was filled in last for the destination."""

    form: Form
    newest: FormRecord | None


class Misfit(NamedTuple):
    """What was filled in for `form` does not fit."""

    form: Form
    problems: tuple[FormProblem, ...]


def list_offered(conn: Any, target: Target) -> list[OfferedForm]:
    """None for a destination that the visitor may not annotate, and where no account keeps forms.

    Raises:
        NotThere: the visitor does not see the destination.
        FailureError: what `open_archive` raises.
    """
    if not settings.FORMS_USER:
        return []
    found = find_object(conn, target.type.value, target.id)
    if not found.annotatable:
        return []
    archive = open_archive(conn)
    forms = offered(archive.list_forms().forms.values(), archive.list_assignments(), found)
    newest = ((form, archive.records(place_of(found, form.id))) for form in forms)
    return [OfferedForm(form, records[0] if records else None) for form, records in newest]


def read_filled(
    conn: Any, target: Target | None, sent: Iterable[tuple[str, str, str]]
) -> tuple[FilledForm, ...] | Misfit:
    """What an order carries of forms; the first one that does not fit instead, if there is one.

    Args:
        sent: the name, the version on the screen, and the values as JSON of each form that was filled in.

    Raises:
        NotThere: the visitor does not see the destination.
        FailureError: UNKNOWN_FORM, FORM_CHANGED, DESTINATION_NOT_WRITABLE, and what `open_archive` raises.
    """
    given = list(sent)
    if not given:
        return ()
    if target is None:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "A form is filled in for a place, and none is chosen.",
            next_step="Choose on the left where the images go.",
        )
    require_annotatable(find_object(conn, target.type.value, target.id))
    there = {one.form.id: one.form for one in list_offered(conn, target)}
    filled = []
    for name, version, text in given:
        form = there.get(name)
        if form is None:
            raise fail(
                FailureCategory.UNKNOWN_FORM,
                f"No form {name[:80]!r} is offered for {target.type.value} {target.name!r}.",
                next_step="Untick it, or ask an owner of the group to offer it.",
            )
        if version != form.latest.key:
            raise fail(
                FailureCategory.FORM_CHANGED,
                f"{form.title!r} has a newer version than the one on your screen.",
                next_step="Load the page again; what you typed comes back as a draft.",
            )
        values = parse_values(text)
        if isinstance(values, FormProblem):
            return Misfit(form, (values,))
        if problems := check_values(form.latest.json_schema, values):
            return Misfit(form, problems)
        filled.append(FilledForm(form=form.id, values=values, version=version, message="Filled in with an import"))
    return tuple(filled)
