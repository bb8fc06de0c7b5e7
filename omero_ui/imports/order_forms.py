"""Forms filled in with an order: those that are offered for its destination, and what the page sent of them."""

from __future__ import annotations

from collections import defaultdict
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


class SentForm(NamedTuple):
    """What a page sends of a form: the place it is for (`Target.place`), its name, the version on the screen, and the
    values as JSON.
    """

    place: str
    form: str
    version: str
    values: str


class Misfit(NamedTuple):
    """What was filled in for `form`, at `target`, does not fit."""

    target: Target
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
    conn: Any, targets: Iterable[Target], sent: Iterable[SentForm]
) -> dict[str, tuple[FilledForm, ...]] | Misfit:
    """What the orders carry of forms, by their places; the first one that does not fit instead, if there is one.

    Raises:
        NotThere: the visitor does not see the destination.
        FailureError: UNKNOWN_FORM, FORM_CHANGED, DESTINATION_NOT_WRITABLE, BAD_REQUEST for a place to which nothing
            goes, and what `open_archive` raises.
    """
    places = {target.place: target for target in targets}
    given: defaultdict[str, list[SentForm]] = defaultdict(list)
    for one in sent:
        given[one.place].append(one)
    filled: dict[str, tuple[FilledForm, ...]] = {}
    for place, forms in given.items():
        if place not in places:
            raise fail(
                FailureCategory.BAD_REQUEST,
                "A form is filled in for a place to which nothing of the list goes.",
                next_step="Untick it, or let something go there; what you typed stays as a draft.",
            )
        read = _read_filled(conn, places[place], forms)
        if isinstance(read, Misfit):
            return read
        filled[place] = read
    return filled


def _read_filled(conn: Any, target: Target, sent: Iterable[SentForm]) -> tuple[FilledForm, ...] | Misfit:
    require_annotatable(find_object(conn, target.type.value, target.id))
    there = {one.form.id: one.form for one in list_offered(conn, target)}
    filled = []
    for _, name, version, text in sent:
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
            return Misfit(target, form, (values,))
        if problems := check_values(form.latest.json_schema, values):
            return Misfit(target, form, problems)
        filled.append(FilledForm(form=form.id, values=values, version=version, message="Filled in with an import"))
    return tuple(filled)
