"""What the page of a form on one object shows, and what happens when it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from contracts.failures import FailureCategory, fail
from contracts.forms.differences import Difference, compare_values
from contracts.forms.form import Form
from contracts.forms.form_problem import FormProblem
from contracts.forms.form_values import check_values
from contracts.forms.record import CopiedFrom, FormRecord, RecordPlace
from omero_ui.forms.archive import Archive, now
from omero_ui.forms.rights import FormObject, find_object, offered, require_annotatable
from omero_ui.page import NotThere
from omero_ui.visitor import Visitor

#: Other objects whose values are offered; the newest first.
MOST_SOURCES = 50


class PastRecord(NamedTuple):
    """One entry of the timeline. `version`: the version's number, None where it is lost."""

    record: FormRecord
    version: int | None
    differences: tuple[Difference, ...]


class Source(NamedTuple):
    """A record of another object, whose values may be taken over."""

    target: FormObject
    record: FormRecord


def place_of(target: FormObject, form: str) -> RecordPlace:
    return RecordPlace(object_type=target.type, object_id=target.id, form=form)


def find_offered(archive: Archive, target: FormObject, form: str) -> tuple[Form, bool]:
    """The form, and whether it is offered for the object now. Raises NotThere where it neither is nor ever was."""
    found = archive.find_form(form)
    if found is None:
        raise NotThere
    is_offered = bool(offered([found], archive.list_assignments(), target))
    if not is_offered and not archive.records(place_of(target, form)):
        raise NotThere
    return found, is_offered


def tell_history(form: Form, records: tuple[FormRecord, ...]) -> list[PastRecord]:
    """The records, newest first, each with what it changed."""
    told = []
    for place, record in enumerate(records):
        before = records[place + 1].values if place + 1 < len(records) else {}
        version = form.version(record.version) or form.latest
        differences = compare_values(version.json_schema, before, record.values)
        told.append(PastRecord(record, form.number(record.version), differences))
    return told


def list_sources(archive: Archive, conn: Any, target: FormObject, form: Form) -> list[Source]:
    """The newest records of this form on other objects that the visitor sees."""
    newest = sorted(archive.newest_records(form.id).items(), key=lambda item: item[1].at, reverse=True)
    sources: list[Source] = []
    for place, record in newest:
        if len(sources) == MOST_SOURCES:
            break
        if (place.object_type, place.object_id) == (target.type, target.id):
            continue
        try:
            sources.append(Source(find_object(conn, place.object_type.value, place.object_id), record))
        except NotThere:
            continue
    return sources


def find_source(archive: Archive, conn: Any, form: Form, named: str) -> CopiedFrom | None:
    """The record that `Dataset-12` names, where the visitor sees the object; "" names none. Raises NotThere."""
    if not named:
        return None
    object_type, _, object_id = named.partition("-")
    if not (object_id.isascii() and object_id.isdigit() and len(object_id) < 19):
        raise NotThere
    place = place_of(find_object(conn, object_type, int(object_id)), form.id)
    records = archive.records(place)
    if not records:
        raise NotThere
    return CopiedFrom(place=place, version=records[0].version, record=records[0].key)


class Submission(NamedTuple):
    """What a browser sent: values as decoded JSON, the version on the screen, the newest record it had seen."""

    values: Mapping[str, Any]
    version: str
    seen: str | None
    message: str
    token: UUID
    copied_from: CopiedFrom | None


def save(
    archive: Archive, conn: Any, visitor: Visitor, target: FormObject, form: Form, sent: Submission
) -> tuple[FormProblem, ...]:
    """Save what was filled in and show it on the object; nothing is saved where there are problems.

    Raises:
        FailureError: DESTINATION_NOT_WRITABLE, FORM_CHANGED, and what the archive raises.
    """
    require_annotatable(target)
    if sent.version != form.latest.key:
        raise fail(
            FailureCategory.FORM_CHANGED,
            f"{form.title!r} has a newer version than the one on your screen.",
            next_step="Load the page again; what you typed comes back as a draft.",
        )
    problems = check_values(form.latest.json_schema, sent.values)
    if problems:
        return problems
    place = place_of(target, form.id)
    record = FormRecord(
        key="new",
        at=now(),
        form=form.id,
        version=form.latest.key,
        changed_by=visitor.id,
        values=dict(sent.values),
        message=sent.message,
        copied_from=sent.copied_from,
        token=sent.token,
    )
    archive.save_record(place, record, seen=sent.seen)
    archive.show_on_object(place, conn.c, target.group)
    return ()
