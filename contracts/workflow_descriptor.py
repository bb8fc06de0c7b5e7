"""What a workflow is, takes and gives, whichever format its author described it in.

Formats that are read: BIAFLOWS (`cytomine-0.1`), biomero-schema (`biomero-0.1`), Bilayers
(`config.yaml`); contracts/descriptor_formats has one parser each.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract
from contracts.container_image import ContainerImage

#: A number, text, or a switch, as JSON has them. Strict: 1 is not true, 1.0 stays 1.0.
Scalar = bool | int | float | str

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
Flag = Annotated[str, StringConstraints(pattern=r"^--?[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Words = Annotated[tuple[str, ...], Field(strict=False)]


class DescriptorFormat(StrEnum):
    BIAFLOWS = "BIAFLOWS (cytomine-0.1)"
    BIOMERO_SCHEMA = "biomero-schema (biomero-0.1)"
    BILAYERS = "Bilayers"


class ParameterType(StrEnum):
    INTEGER = "integer"
    #: With or without decimals. BIAFLOWS' Number is this, whatever its default looks like.
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


class Choice(Contract):
    """One of the values that a parameter may have, and what people read for it."""

    value: Scalar
    label: str


class WorkflowParameter(Contract):
    """A value that a person chooses.

    `minimum` and `maximum` are inclusive. `is_bare_flag`: the flag alone stands for true, its absence
    for false (Bilayers' `append_value: false`).
    """

    id: Identifier
    title: str
    description: str = ""
    type: Annotated[ParameterType, Field(strict=False)]
    flag: Flag
    default: Scalar | None = None
    optional: bool = False
    advanced: bool = False
    choices: Annotated[tuple[Choice, ...], Field(strict=False)] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    is_bare_flag: bool = False

    @property
    def variable(self) -> str:
        """A name for the value in a shell that can never be the name of anything else there, such as PATH."""
        return "PARAM_" + re.sub(r"[^A-Z0-9_]", "_", self.id.upper())

    @property
    def joins_value(self) -> bool:
        """Whether flag and value are one argument (`--flag=value`), so that no value can be read as an option."""
        return self.flag.startswith("--")


class FileKind(StrEnum):
    FILE = "file"
    ARRAY = "array"
    MEASUREMENT = "measurement"
    EXECUTABLE = "executable"


class FileInput(Contract):
    """Files that a person chooses among OMERO's file annotations. The workflow is given their folder.

    `formats` are endings without a dot; none means any.
    """

    id: Identifier
    title: str
    description: str = ""
    kind: Annotated[FileKind, Field(strict=False)]
    flag: Flag
    formats: Words = ()
    several: bool = False
    optional: bool = False
    advanced: bool = False


class ImageInput(Contract):
    """Images or plates of OMERO. Without a flag they are found in the input folder that every run has."""

    id: Identifier
    title: str
    description: str = ""
    flag: Flag | None = None
    formats: Words = ()
    subtypes: Words = ()
    optional: bool = False


class WorkflowOutput(Contract):
    """What a run gives. `type`: image, file, array, measurement, executable, number, text, boolean."""

    id: Identifier
    title: str
    description: str = ""
    type: str
    formats: Words = ()
    subtypes: Words = ()
    several: bool = False
    optional: bool = False


class WorkflowResources(Contract):
    """The least that the workflow needs: whole processor cores, RAM in MiB, a GPU, the internet."""

    cores: Annotated[int, Field(ge=1)] | None = None
    ram_mib: Annotated[int, Field(ge=1)] | None = None
    gpu: bool = False
    networking: bool = False


class Citation(Contract):
    name: str
    doi: str | None = None
    license: str | None = None
    description: str = ""


class WorkflowDescriptor(Contract):
    """A workflow. `output_flags` are told the output folder; `fixed_arguments` are passed as they are.

    `image` carries the descriptor's own tag or digest, or neither: the version is then that of the
    repository the descriptor came from. `command_line` is for people; the container's entry point runs.
    """

    format: Annotated[DescriptorFormat, Field(strict=False)]
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    image: ContainerImage
    command_line: str = ""
    parameters: Annotated[tuple[WorkflowParameter, ...], Field(strict=False)] = ()
    files: Annotated[tuple[FileInput, ...], Field(strict=False)] = ()
    images: Annotated[tuple[ImageInput, ...], Field(strict=False)] = ()
    outputs: Annotated[tuple[WorkflowOutput, ...], Field(strict=False)] = ()
    output_flags: Annotated[tuple[Flag, ...], Field(strict=False)] = ()
    fixed_arguments: Words = ()
    resources: WorkflowResources = WorkflowResources()
    citations: Annotated[tuple[Citation, ...], Field(strict=False)] = ()
    authors: Words = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        variables = [parameter.variable for parameter in self.parameters]
        identifiers = [item.id for item in self.form_fields]
        if len(set(variables)) != len(variables) or len(set(identifiers)) != len(identifiers):
            raise ValueError("two parameters have names that cannot be told apart")
        return self

    @property
    def form_fields(self) -> tuple[WorkflowParameter | FileInput, ...]:
        """All that a person fills in, in the sequence of the form."""
        return (*self.parameters, *self.files)

    @property
    def needs_plate(self) -> bool:
        return any("plate" in image.subtypes for image in self.images)

    @property
    def needs_zarr(self) -> bool:
        """As biomero-schema computes `requires-zarr`: an image input that takes Zarr, or plates."""
        return self.needs_plate or any(set(image.formats) & ZARR_FORMATS for image in self.images)


#: How descriptors spell OME-Zarr.
ZARR_FORMATS = frozenset({"zarr", "omezarr", "ome.zarr", "ome-zarr"})
