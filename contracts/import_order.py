"""An import order: who imports what, where to, and how."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract, Pair, Token
from contracts.destination import Destination
from contracts.forms.record import FilledForm
from contracts.preprocessing import Preprocessing
from contracts.source_file import SourceFile

#: An order is one flow run; larger ones are split by whoever places them.
MOST_FILES = 10_000
MOST_FORMS = 20

LoginName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ImportEngine(StrEnum):
    #: Pure Python over OMERO's ManagedRepository API, ln_s, no Java.
    IN_PLACE = "in-place"
    #: `omero import --transfer=ln_s`, for formats whose companions we cannot list. Needs Java.
    OMERO_CLI = "omero-cli"


class ImportOrder(Contract):
    """One order, placed by the panel, the command line, a schedule or a BIOMERO database.

    `uuid` is the token: Prefect's idempotency key, a tag of the flow run and a key-value on every
    image it makes. `files` holds 1 to `MOST_FILES` files with different paths. `forms` were filled in for the
    destination.
    """

    uuid: Annotated[Token, Field(description="A new UUID. An order with one that was used already is that order.")]
    user: Annotated[LoginName, Field(description="OMERO login name of whose images they will be.")]
    group: Annotated[LoginName, Field(description="OMERO group; the files lie in its folder.")]
    destination: Annotated[Destination, Field(description="The Dataset or Screen that the images come into.")]
    files: Annotated[
        tuple[SourceFile, ...],
        Field(strict=False, min_length=1, max_length=MOST_FILES, description="Paths in the group's folder."),
    ]
    preprocessing: Annotated[
        Preprocessing | None, Field(description="How all files are converted first; none: imported as they are.")
    ] = None
    engine: Annotated[
        ImportEngine,
        Field(strict=False, description="in-place, or omero-cli where OMERO's Java importer is installed."),
    ] = ImportEngine.IN_PLACE
    key_values: Annotated[
        tuple[Pair, ...], Field(strict=False, description="Pairs of key and value that every image gets.")
    ] = ()
    hash_sources: Annotated[bool, Field(description="Whether the SHA-256 of every file is kept; it reads them.")] = (
        False
    )
    forms: Annotated[
        tuple[FilledForm, ...],
        Field(strict=False, max_length=MOST_FORMS, description="What was filled in for the destination."),
    ] = ()

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        seen: set[tuple[str, str | None]] = set()
        for file in self.files:
            if (file.path, file.series) in seen:
                raise ValueError(f"{file.path!r} is in the order twice")
            seen.add((file.path, file.series))
        if any(file.series is not None and self.preprocessing_of(file) is None for file in self.files):
            raise ValueError("a single series of a file needs preprocessing, which extracts it")
        if len({filled.form for filled in self.forms}) != len(self.forms):
            raise ValueError("a form is filled in twice")
        return self

    def preprocessing_of(self, file: SourceFile) -> Preprocessing | None:
        """How a file of the order is converted: in its own way, else in the order's; None: imported as it is."""
        return file.preprocessing or self.preprocessing

    @property
    def needs_containers(self) -> bool:
        """Whether any of the files is converted by a container."""
        ways = (self.preprocessing_of(file) for file in self.files)
        return any(way is not None and not way.is_builtin for way in ways)

    @property
    def title(self) -> str:
        """How people see this order: `Import a.lif and 2 more -> Dataset "siRNA 7"`."""
        more = len(self.files) - 1
        what = self.files[0].name + (f" and {more} more" if more else "")
        return f"Import {what} -> {self.destination}"
