"""What somebody filled in for one object. Records are appended; the newest is what holds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts.base import Contract, Moment, ObjectId, Token
from contracts.forms.form import EntryKey, FormId, ObjectType


class RecordPlace(Contract):
    """The object and the form that a record belongs to."""

    object_type: Annotated[ObjectType, Field(strict=False)]
    object_id: ObjectId
    form: FormId


class CopiedFrom(Contract):
    """The record of another object whose values were taken over."""

    place: RecordPlace
    version: EntryKey
    record: EntryKey


class FilledForm(Contract):
    """Values for a form as somebody sends them: with an order, or from the form's page.

    `version` is the version that was on the screen; None means the newest. The values are what JSON can say;
    `form_values.check_values` judges them.
    """

    form: FormId
    values: dict[str, Any]
    version: EntryKey | None = None
    message: Annotated[str, Field(max_length=500)] = ""


class FormRecord(Contract):
    """One record. `token` is what the click that made it minted: a second click, or a run that is started again, finds
    its record by it and makes no other. Records of OMERO.forms have none."""

    key: EntryKey
    at: Moment
    form: FormId
    version: EntryKey
    changed_by: ObjectId
    values: dict[str, Any]
    message: str = ""
    copied_from: CopiedFrom | None = None
    token: Token | None = None
