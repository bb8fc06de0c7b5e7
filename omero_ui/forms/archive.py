"""All forms of a site, their assignments and what was filled in, as the form master keeps them.

Nothing here asks who may: `forms/rights.py` does, with the visitor's own connection, before it calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from contracts.failures import FailureCategory, FailureError, fail
from contracts.forms import record_keeping, storage
from contracts.forms.annotation_holder import write
from contracts.forms.chunks import Rows
from contracts.forms.form import Assignment, Form, FormVersion, ObjectType
from contracts.forms.record import FormRecord, RecordPlace
from omero_ui.forms.annotations import Holder


class Shelf(NamedTuple):
    """The forms that can be read, by id, and the ids of those that cannot."""

    forms: dict[str, Form]
    broken: tuple[str, ...]


class Archive:
    """`client`: a session of the form master; `master`: its id."""

    def __init__(self, client: Any, master: int) -> None:
        self.client = client
        self._holder = Holder(client, "Experimenter", master)

    # ---- forms

    def list_forms(self) -> Shelf:
        """All forms by title. One that cannot be read hides no other."""
        forms, broken = [], []
        for namespace, stored in self._below(storage.SCHEMAS).items():
            try:
                forms.append(storage.read_form(stored))
            except FailureError:
                broken.append(namespace.removeprefix(storage.SCHEMAS))
        forms.sort(key=lambda form: form.title.casefold())
        return Shelf({form.id: form for form in forms}, tuple(sorted(broken)))

    def find_form(self, form: str) -> Form | None:
        """None if there is none of that name. Raises FailureError BROKEN_FORM."""
        annotations = [found.rows for found in self._holder.find(storage.schema_namespace(form))]
        return storage.read_form(annotations) if annotations else None

    def save_version(
        self, form: str, version: FormVersion, object_types: Sequence[ObjectType], *, seen: str | None
    ) -> None:
        """Append a version; `seen` is the key of the version it was made of, None for a new form.

        Raises:
            FailureError: FORM_CHANGED if there is a newer one by now; BROKEN_FORM; OMERO_REFUSED.
        """

        def plan(annotations: Sequence[Rows]) -> storage.Writing | None:
            there = storage.read_form(annotations).latest if annotations else None
            if there is not None and there.key != seen and there.json_schema != version.json_schema:
                raise fail(
                    FailureCategory.FORM_CHANGED,
                    f"There is a newer version of {form!r}, or another form has this name.",
                    detail=f"Saved at {there.at.isoformat(timespec='seconds')} by user {there.author}.",
                    next_step="Copy what you wrote, open the form anew and put it in; or choose another name.",
                )
            return storage.add_version(annotations, form, version, object_types)

        write(self._holder, storage.schema_namespace(form), plan)

    # ---- assignments

    def list_assignments(self) -> tuple[Assignment, ...]:
        """Where two say the same form and group, the first holds. What cannot be read offers nothing."""
        found: dict[tuple[str, int], Assignment] = {}
        for rows in (rows for stored in self._below(storage.ASSIGNMENTS).values() for rows in stored):
            try:
                assignment = storage.read_assignment(rows)
            except FailureError:
                continue
            found.setdefault((assignment.form, assignment.group), assignment)
        return tuple(found.values())

    def assign(self, form: str, group: int, object_types: Sequence[ObjectType]) -> None:
        """Offer a form in a group for these types of objects; none means: no longer."""
        namespace = storage.assignment_namespace(form, group)
        if not object_types:
            self._holder.remove([found.id for found in self._holder.find(namespace)])
            return
        rows = storage.assignment_rows(Assignment(form=form, group=group, object_types=tuple(object_types)))

        def plan(annotations: Sequence[Rows]) -> storage.Writing | None:
            if not annotations:
                return storage.Writing(None, rows)
            return None if annotations[0] == rows else storage.Writing(0, rows)

        write(self._holder, namespace, plan)

    # ---- records

    def records(self, place: RecordPlace) -> tuple[FormRecord, ...]:
        """Everything that was ever filled in there, newest first."""
        return record_keeping.read_records(self._holder, place)

    def newest_records(self, form: str) -> Mapping[RecordPlace, FormRecord]:
        """The newest record on each object that has one of this form. One that cannot be read hides no other."""
        newest = {}
        for namespace, stored in self._below(storage.RECORDS).items():
            place = storage.parse_record_namespace(namespace)
            if place is None or place.form != form:
                continue
            try:
                newest[place] = storage.read_records(stored)[0]
            except (FailureError, IndexError):
                continue
        return newest

    def filled_in(self, object_type: ObjectType, object_id: int) -> dict[str, tuple[Rows, ...]]:
        """By form, the annotations with records of one object."""
        prefix = f"{storage.RECORDS}{object_type}/{object_id}/"
        return {name.removeprefix(prefix): tuple(rows) for name, rows in self._below(prefix).items()}

    def save_record(self, place: RecordPlace, record: FormRecord, *, seen: storage.Seen) -> None:
        """Append a record, once for its token.

        Raises:
            FailureError: FORM_CHANGED if somebody saved after `seen`; BROKEN_FORM; OMERO_REFUSED.
        """
        record_keeping.save_record(self._holder, place, record, seen=seen)

    def show_on_object(self, place: RecordPlace, user_client: Any, group: int) -> None:
        """Let exactly one annotation on the object hold the newest record as key-values (`record_keeping`).

        Raises:
            FailureError: OMERO_REFUSED when it does not come to rest.
        """
        record_keeping.show_newest(
            self._holder,
            place,
            as_master=Holder(self.client, place.object_type.value, place.object_id),
            as_user=Holder(user_client, place.object_type.value, place.object_id),
            group=group,
        )

    def _below(self, prefix: str) -> dict[str, list[Rows]]:
        found: dict[str, list[Rows]] = defaultdict(list)
        for annotation in self._holder.find_below(prefix):
            found[annotation.namespace].append(annotation.rows)
        return dict(found)


def now() -> datetime:
    return datetime.now(UTC)
