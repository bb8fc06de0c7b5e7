"""An analysis run: who applies which workflow to which objects, with what, and what becomes of the results."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.base import Contract, ObjectId, Token
from contracts.destination import Destination
from contracts.import_order import LoginName

#: A run is one flow run and one Slurm job; larger inputs are split by whoever asks.
MOST_IMAGES = 10_000
#: Characters of one parameter's value; it travels as a file, so the shell's limits do not count.
LONGEST_VALUE = 65_536

#: How a workflow is called in the catalogue; also a folder on the cluster.
WorkflowName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Ids = Annotated[tuple[ObjectId, ...], Field(strict=False)]


class Workflow(Contract):
    """A workflow of the catalogue; `version` None means the catalogue's newest."""

    name: WorkflowName
    version: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name} {self.version}"


class AnalysisInputs(Contract):
    """What is analysed: images, alone or by their datasets and plates; and attachments (file annotations) by parameter.

    `attachments` names for each file parameter of the workflow the file annotations that are given to it.
    """

    images: Ids = ()
    datasets: Ids = ()
    plates: Ids = ()
    attachments: dict[str, Ids] = {}

    @property
    def first(self) -> tuple[str, int]:
        """Kind and id of the first of them."""
        kinds = (("Image", self.images), ("Dataset", self.datasets), ("Plate", self.plates))
        return next((kind, ids[0]) for kind, ids in kinds if ids)

    @model_validator(mode="after")
    def _something_to_analyse(self) -> Self:
        if not (self.images or self.datasets or self.plates):
            raise ValueError("name at least one image, dataset or plate")
        if len(self.images) > MOST_IMAGES:
            raise ValueError(f"{len(self.images)} images are more than a run takes ({MOST_IMAGES}): split them")
        return self


def _check_value(value: str | int | float | bool) -> str | int | float | bool:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a value has a NUL character")
        if len(value) > LONGEST_VALUE:
            raise ValueError(f"a value is longer than {LONGEST_VALUE} characters")
    return value


#: A parameter's value, as the workflow's descriptor wants it. Any text is data: it never meets a shell.
Value = Annotated[str | int | float | bool, AfterValidator(_check_value)]


#: Plain on purpose: it becomes an option of sbatch.
MailAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9.-]{1,190}$")]


class Resources(Contract):
    """What the job asks of Slurm, over what the catalogue says; None leaves that. Within the admin's limits."""

    partition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None
    cpus: Annotated[int, Field(ge=1, le=4096)] | None = None
    gpus: Annotated[int, Field(ge=0, le=64)] | None = None
    memory_mb: Annotated[int, Field(ge=1)] | None = None
    minutes: Annotated[int, Field(ge=1)] | None = None
    mail_to: MailAddress | None = None


class RoiShape(StrEnum):
    POLYGONS = "polygons"
    MASKS = "masks"


class TableKind(StrEnum):
    OMERO_TABLE = "omero-table"
    ATTACHMENT = "attachment"


class ResultOptions(Contract):
    """What becomes of the results in OMERO.

    `destination`: where result images go; None puts them beside their inputs (an input of a plate has no
    dataset: then a destination is needed). `image_name`: a pattern over {original_file} (the input's name
    without extension), {original_ext}, {file} (the result's) and {ext}. `rois`: label images become ROIs of
    their input in this shape; None makes none. `label_images`: which result images may be label images, by their file
    names (`*`, `?`, `[...]` as in a shell).
    """

    destination: Destination | None = None
    import_images: bool = True
    image_name: Annotated[str, Field(min_length=1, max_length=200)] = "{file}.{ext}"
    rois: Annotated[RoiShape, Field(strict=False)] | None = None
    label_images: Annotated[str, Field(min_length=1, max_length=200)] = "*"
    tables: Annotated[TableKind, Field(strict=False)] | None = TableKind.OMERO_TABLE
    attach_other_files: bool = True
    archive: bool = False


class AnalysisRun(Contract):
    """One run. `uuid` is the token: Prefect's idempotency key, a tag of the flow run, the Slurm job's name and comment,
    the remote folder's name and the `UUID` key-value of every result.

    `batch_size`: input images for one task of the job array; None gives one task all of them.
    """

    uuid: Annotated[Token, Field(description="A new UUID. A run with one that was used already is that run.")]
    user: Annotated[LoginName, Field(description="OMERO login name of who analyses; results are theirs.")]
    group: Annotated[LoginName, Field(description="OMERO group of what is analysed.")]
    workflow: Annotated[Workflow, Field(description="A workflow of the catalogue.")]
    inputs: Annotated[AnalysisInputs, Field(description="OMERO ids of what is analysed.")]
    parameters: Annotated[
        dict[str, Value], Field(description="Values of the workflow's parameters; its own where none is given.")
    ] = {}
    batch_size: Annotated[
        Annotated[int, Field(ge=1, le=MOST_IMAGES)] | None,
        Field(description="Images for one task of the job; none: one task takes all."),
    ] = None
    resources: Annotated[Resources, Field(description="What the job asks of Slurm, over what the catalogue says.")] = (
        Resources()
    )
    results: Annotated[ResultOptions, Field(description="What becomes of the results in OMERO.")] = ResultOptions()
    rule: Annotated[
        Token | None, Field(description="The rule of a batch that placed it; empty: a person has placed it.")
    ] = None

    @property
    def values(self) -> dict[str, Any]:
        """What the workflow's parameters are given: values, and ids of attachments."""
        return self.parameters | {name: list(ids) for name, ids in self.inputs.attachments.items()}

    @property
    def title(self) -> str:
        """How people see this run: `nuclei 1.0 on 3 datasets and 2 images`."""
        inputs = self.inputs
        counts = ((len(inputs.datasets), "dataset"), (len(inputs.plates), "plate"), (len(inputs.images), "image"))
        parts = [f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count]
        return f"{self.workflow} on {' and '.join(parts)}"
