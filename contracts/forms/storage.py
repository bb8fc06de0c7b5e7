"""Forms, assignments and records as rows of map annotations, as OMERO.forms 2.3 has them.

The annotations hang on the *form master*, an account of OMERO that no person uses. Namespaces below
`hms.harvard.edu/omero/forms/`:

| namespace | rows |
| --- | --- |
| `schema/FORM` | `id`, `owner` and `objType` (each may repeat), and a text for each version, newest first |
| `assignments/FORM/GROUP` | `formId`, `groupId`; ours may add `objType` rows, which OMERO.forms passes over |
| `data/TYPE/ID/FORM` | a text for each record, newest first |
| `kvdata/FORM` | on the object itself: the newest record as key-values (`key_values`) |

A text is JSON, kept by `chunks`; its key is the moment it was written. Ours has a time zone; one without is taken for
UTC. JSON members that OMERO.forms does not know (`token`) are passed over by it.

Where two first writers meet, OMERO gets two annotations of one namespace. Reading takes all of them together, and
writing always appends to the one with the lowest id: nothing is lost and nothing is deleted. Limit: OMERO.forms
itself, running beside, shows only one of the two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from contracts.failures import FailureCategory, FailureError, fail
from contracts.forms.chunks import Rows, decode_texts, encode_text
from contracts.forms.form import Assignment, Form, FormVersion, ObjectType
from contracts.forms.record import CopiedFrom, FormRecord, RecordPlace

ROOT = "hms.harvard.edu/omero/forms/"
SCHEMAS = ROOT + "schema/"
ASSIGNMENTS = ROOT + "assignments/"
RECORDS = ROOT + "data/"
KEY_VALUES = ROOT + "kvdata/"

_NO_VERSION = ("id", "owner", "objType")


#: The key of the newest record that a writer knew; None: that there was none; False: it does not matter.
Seen = str | None | Literal[False]


class Writing(NamedTuple):
    """What to write: all rows of the annotation at `place` in the sequence that was read, or of a new one (None)."""

    place: int | None
    rows: Rows


def schema_namespace(form: str) -> str:
    return SCHEMAS + form


def assignment_namespace(form: str, group: int) -> str:
    return f"{ASSIGNMENTS}{form}/{group}"


def record_namespace(place: RecordPlace) -> str:
    return f"{RECORDS}{place.object_type}/{place.object_id}/{place.form}"


def key_value_namespace(form: str) -> str:
    return KEY_VALUES + form


def read_form(annotations: Sequence[Rows]) -> Form:
    """The form that lies in all annotations of its namespace, in the sequence of their ids.

    Raises:
        FailureError: BROKEN_FORM, naming what cannot be read.
    """
    versions = [_version(key, _object(text)) for rows in annotations for key, text in decode_texts(rows, _NO_VERSION)]
    every = [row for rows in annotations for row in rows]
    try:
        return Form(
            id=next((value for key, value in every if key == "id"), ""),
            owners=tuple(dict.fromkeys(int(value) for key, value in every if key == "owner")),
            object_types=tuple(dict.fromkeys(ObjectType(value) for key, value in every if key == "objType")),
            versions=tuple(sorted(versions, key=lambda version: version.at, reverse=True)),
        )
    except (ValidationError, ValueError) as error:
        raise _broken(str(error)) from error


def add_version(
    annotations: Sequence[Rows], form: str, version: FormVersion, object_types: Sequence[ObjectType]
) -> Writing | None:
    """How to add a version and have the form be for these types of objects; None if all that is there already.

    `version.key` is replaced by one that no version has. The first author is the form's owner.
    """
    if not annotations:
        key = unused_key(version.at, ())
        rows = (("id", form), *encode_text(key, _version_text(form, version, key)), ("owner", str(version.author)))
        return Writing(None, (*rows, *(("objType", item.value) for item in object_types)))
    known = read_form(annotations)
    same = known.latest.json_schema == version.json_schema and known.latest.ui_schema == version.ui_schema
    if same and set(known.object_types) == set(object_types):
        return None
    kept = tuple(row for row in annotations[0] if row[0] != "objType")
    types = tuple(("objType", item.value) for item in object_types)
    if same:
        return Writing(0, (*kept, *types))
    at = max(version.at, known.latest.at + timedelta(microseconds=1))
    key = unused_key(at, [item.key for item in known.versions])
    return Writing(0, (*encode_text(key, _version_text(form, version, key)), *kept, *types))


def read_assignment(rows: Rows) -> Assignment:
    """Raises FailureError BROKEN_FORM."""
    named = dict(rows)
    try:
        return Assignment(
            form=named.get("formId", ""),
            group=int(named.get("groupId", "")),
            object_types=tuple(ObjectType(value) for key, value in rows if key == "objType"),
        )
    except (ValidationError, ValueError) as error:
        raise _broken(str(error)) from error


def assignment_rows(assignment: Assignment) -> Rows:
    types = tuple(("objType", item.value) for item in assignment.object_types)
    return (("formId", assignment.form), ("groupId", str(assignment.group)), *types)


def read_records(annotations: Sequence[Rows]) -> tuple[FormRecord, ...]:
    """All records of one form on one object, newest first. Raises FailureError BROKEN_FORM."""
    records = [_record(key, _object(text)) for rows in annotations for key, text in decode_texts(rows)]
    return tuple(sorted(records, key=lambda record: record.at, reverse=True))


def add_record(annotations: Sequence[Rows], record: FormRecord, *, seen: Seen = False) -> Writing | None:
    """How to append a record; None if one with its token is there already.

    `record.key` is replaced by one that no record has.

    Raises:
        FailureError: FORM_CHANGED if somebody else has saved since; BROKEN_FORM.
    """
    known = read_records(annotations)
    if record.token is not None and any(item.token == record.token for item in known):
        return None
    newest = known[0] if known else None
    if seen is not False and (newest.key if newest else None) != seen:
        assert newest is not None
        raise fail(
            FailureCategory.FORM_CHANGED,
            f"Somebody else saved {record.form!r} for this object while you were filling it in.",
            detail=f"Saved at {newest.at.isoformat(timespec='seconds')} by user {newest.changed_by}.",
            next_step="Look at what they changed; then save yours over it, or leave it.",
        )
    at = record.at if newest is None else max(record.at, newest.at + timedelta(microseconds=1))
    key = unused_key(at, [item.key for item in known])
    rows = encode_text(key, _record_text(record, key))
    return Writing(0, (*rows, *annotations[0])) if annotations else Writing(None, rows)


def parse_record_namespace(namespace: str) -> RecordPlace | None:
    """The object and form of a namespace of records; None for one that is none of these."""
    parts = namespace.removeprefix(RECORDS).split("/", 2)
    if not namespace.startswith(RECORDS) or len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit():
        return None
    if parts[0] not in set(ObjectType) or not parts[2]:
        return None
    return RecordPlace(object_type=ObjectType(parts[0]), object_id=int(parts[1]), form=parts[2])


def unused_key(at: datetime, known: Sequence[str]) -> str:
    """The moment as a key; a microsecond later for each key that has it."""
    at = at.astimezone(UTC)
    while (key := at.isoformat(timespec="microseconds")) in known:
        at += timedelta(microseconds=1)
    return key


def _version(key: str, content: dict[str, Any]) -> FormVersion:
    try:
        return FormVersion(
            key=key,
            at=_moment(key),
            author=int(content["author"]),
            message=str(content.get("message") or ""),
            source_url=str(content.get("sourceUrl") or ""),
            json_schema=_object(content["schema"]),
            ui_schema=_object(content.get("uiSchema") or "{}"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(f"version {key!r}: {error!r}") from error


def _version_text(form: str, version: FormVersion, key: str) -> str:
    content = {
        "id": form,
        "schema": json.dumps(version.json_schema, ensure_ascii=False),
        "uiSchema": json.dumps(version.ui_schema, ensure_ascii=False),
        "author": version.author,
        "timestamp": key,
        "message": version.message,
        "sourceUrl": version.source_url,
    }
    return json.dumps(content)


def _record(key: str, content: dict[str, Any]) -> FormRecord:
    try:
        return FormRecord(
            key=key,
            at=_moment(key),
            form=content["formId"],
            version=content["formTimestamp"],
            changed_by=int(content["changedBy"]),
            values=_object(content["formData"]),
            message=str(content.get("message") or ""),
            copied_from=_copied_from(content.get("copiedFrom")),
            token=None if content.get("token") is None else UUID(content["token"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(f"record {key!r}: {error!r}") from error


def _copied_from(content: Any) -> CopiedFrom | None:
    if not isinstance(content, dict):
        return None
    place = RecordPlace(
        object_type=ObjectType(content["sourceObjectType"]),
        object_id=int(content["sourceObjectId"]),
        form=content["sourceFormId"],
    )
    return CopiedFrom(place=place, version=content["sourceFormTimestamp"], record=content["sourceDataTimestamp"])


def _record_text(record: FormRecord, key: str) -> str:
    content: dict[str, Any] = {
        "formId": record.form,
        "formTimestamp": record.version,
        "formData": json.dumps(record.values, ensure_ascii=False),
        "changedBy": record.changed_by,
        "changedAt": key,
        "message": record.message,
    }
    if record.copied_from is not None:
        content["copiedFrom"] = {
            "sourceFormId": record.copied_from.place.form,
            "sourceFormTimestamp": record.copied_from.version,
            "sourceObjectType": record.copied_from.place.object_type.value,
            "sourceObjectId": record.copied_from.place.object_id,
            "sourceDataTimestamp": record.copied_from.record,
        }
    if record.token is not None:
        content["token"] = str(record.token)
    return json.dumps(content)


def _object(content: Any) -> dict[str, Any]:
    """A JSON object, given as its text or decoded already (older versions of OMERO.forms)."""
    try:
        decoded = json.loads(content) if isinstance(content, str) else content
    except ValueError as error:
        raise _broken(f"no JSON: {content[:80]!r}") from error
    if not isinstance(decoded, dict):
        raise _broken(f"no JSON object: {str(content)[:80]!r}")
    return decoded


def _moment(key: str) -> datetime:
    moment = datetime.fromisoformat(key)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _broken(detail: str) -> FailureError:
    return fail(
        FailureCategory.BROKEN_FORM,
        "A form or record in OMERO cannot be read.",
        detail=detail,
        next_step="Somebody changed its map annotation by hand, or a newer program wrote it; tell an administrator.",
    )
