"""What an import order did: one outcome per file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.base import Contract, ObjectId, Token
from contracts.destination import Destination
from contracts.failures import Failure
from contracts.forms.form import FormId


def report_key(order: Token) -> str:
    """Key of the artifact that holds the order's report."""
    return f"import-report-{order}"


def progress_key(order: Token) -> str:
    """Key of the artifact that says how many of its files have ended, in per cent."""
    return f"import-progress-{order}"


class ImportedObject(Contract):
    """An Image or Plate in OMERO that a file became."""

    type: Annotated[str, Field(pattern="^(Image|Plate)$")]
    id: ObjectId
    name: str


class FileState(StrEnum):
    IMPORTED = "imported"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FileOutcome(Contract):
    """One source file's end. `imported` carries objects and filesets, `failed` carries the failure."""

    path: str
    state: Annotated[FileState, Field(strict=False)]
    objects: Annotated[tuple[ImportedObject, ...], Field(strict=False)] = ()
    filesets: Annotated[tuple[ObjectId, ...], Field(strict=False)] = ()
    failure: Failure | None = None
    #: Bytes of the files that OMERO links to.
    size: Annotated[int, Field(ge=0)] = 0
    #: True when the images were there before this attempt, found by the order's token.
    was_there: bool = False

    @model_validator(mode="after")
    def _state_matches(self) -> Self:
        if self.state is FileState.IMPORTED and (not self.objects or self.failure is not None):
            raise ValueError("an imported file has objects and no failure")
        if self.state is FileState.FAILED and self.failure is None:
            raise ValueError("a failed file says why")
        return self


class FormOutcome(Contract):
    """A form that came with the order. `failure` None: it is kept for the destination."""

    form: FormId
    failure: Failure | None = None


class ImportReport(Contract):
    """The order's end; every file of the order has exactly one outcome, in the order's sequence.

    `forms`: those that it was tried to keep; none before a file was imported.
    """

    uuid: Token
    destination: Destination
    files: Annotated[tuple[FileOutcome, ...], Field(strict=False)]
    forms: Annotated[tuple[FormOutcome, ...], Field(strict=False)] = ()

    @property
    def failed(self) -> tuple[FileOutcome, ...]:
        return tuple(file for file in self.files if file.state is FileState.FAILED)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the order failed."""
        return not self.failed and all(form.failure is None for form in self.forms)

    @property
    def summary(self) -> str:
        imported = sum(file.state is FileState.IMPORTED for file in self.files)
        objects = sum(len(file.objects) for file in self.files)
        text = f"{imported} of {len(self.files)} files imported as {objects} object{'' if objects == 1 else 's'}"
        cancelled = sum(file.state is FileState.CANCELLED for file in self.files)
        text += f", {len(self.failed)} failed" if self.failed else ""
        text += f", {cancelled} cancelled" if cancelled else ""
        lost = [form.form for form in self.forms if form.failure is not None]
        return text + (f", form {', '.join(lost)} not kept" if lost else "")
