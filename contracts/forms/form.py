"""A form: a JSON Schema with versions, the types of objects it is for, and the groups it is assigned to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from contracts.base import Contract, Moment, ObjectId

#: The name of a form, which is also its identity: part of namespaces, compared exactly. Other people's forms may have
#: any name; for new ones see `form_schema.check_name`.
FormId = Annotated[str, StringConstraints(min_length=1, max_length=180, pattern=r"^[^\x00-\x1f\x7f]+$")]
#: The key of a version or record in its annotation: the moment as ISO text, exactly as it was written.
EntryKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ObjectType(StrEnum):
    """What a form can be filled in for. OMERO.forms 2.3 knows all but Image."""

    PROJECT = "Project"
    DATASET = "Dataset"
    SCREEN = "Screen"
    PLATE = "Plate"
    IMAGE = "Image"


ObjectTypes = Annotated[tuple[Annotated[ObjectType, Field(strict=False)], ...], Field(strict=False)]


class FormVersion(Contract):
    """One version of a form. `ui_schema` is react-jsonschema-form's; it is kept, and we draw without it."""

    key: EntryKey
    at: Moment
    author: ObjectId
    message: str = ""
    source_url: str = ""
    json_schema: dict[str, Any]
    ui_schema: dict[str, Any] = {}

    @property
    def title(self) -> str:
        """What people read above the form; empty where the schema does not say."""
        title = self.json_schema.get("title", "")
        return title if isinstance(title, str) else ""


class Form(Contract):
    """A form with all its versions, newest first; there is at least one."""

    id: FormId
    owners: Annotated[tuple[ObjectId, ...], Field(strict=False)]
    object_types: ObjectTypes
    versions: Annotated[tuple[FormVersion, ...], Field(strict=False, min_length=1)]

    @property
    def latest(self) -> FormVersion:
        return self.versions[0]

    @property
    def title(self) -> str:
        return self.latest.title or self.id

    def version(self, key: str) -> FormVersion | None:
        """The version with the key; None where there is none, as for records of a version that was lost."""
        return next((version for version in self.versions if version.key == key), None)

    def number(self, key: str) -> int | None:
        """How people count versions: the first is 1."""
        version = self.version(key)
        return None if version is None else len(self.versions) - self.versions.index(version)


class Assignment(Contract):
    """A form is offered in a group, for these types of objects; none named means all of the form's."""

    form: FormId
    group: ObjectId
    object_types: ObjectTypes = ()

    def offers(self, form: Form, object_type: ObjectType) -> bool:
        return object_type in (self.object_types or form.object_types) and object_type in form.object_types
