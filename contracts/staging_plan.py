"""What is staged for a run: every input image with where its bytes come from, and the attachments.

Made once, before the first byte is sent: a run that is started again sends the same bytes under the same names,
whatever was renamed or recoloured in OMERO meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract, Moment, ObjectId
from contracts.import_source import FileIdentity
from contracts.staged_input import Sha256, StagedForm, StagedInput, StagedName

#: A parameter's id in a descriptor; also the folder of its attachments.
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
Byte = Annotated[int, Field(ge=0, le=255)]
Size = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ImageChannel(Contract):
    """A channel of an image. `colour`: red, green, blue, alpha. Wavelengths in nanometres."""

    name: str | None = None
    colour: Annotated[tuple[Byte, Byte, Byte, Byte], Field(strict=False)] | None = None
    emission_nm: Positive | None = None
    excitation_nm: Positive | None = None


class ImagePixels(Contract):
    """The pixels of an image in OMERO. `type` is OMERO's name (`uint16`, `float`); sizes in pixels and micrometres."""

    pixels: ObjectId
    type: Annotated[str, Field(min_length=1)]
    size_x: Size
    size_y: Size
    size_z: Size
    size_c: Size
    size_t: Size
    physical_size_x: Positive | None = None
    physical_size_y: Positive | None = None
    physical_size_z: Positive | None = None
    acquired: Moment | None = None
    channels: Annotated[tuple[ImageChannel, ...], Field(strict=False)] = ()


class StoreIdentity(Contract):
    """Which OME-Zarr a path meant when it was looked at, and what was in it; an edited file or another one differs.

    `path`: absolute with every symbolic link resolved, and the group of one image. `files` and `size` (bytes) of all of
    them; `listing`: the sum over their paths, inodes, sizes and times of modification.
    """

    path: Annotated[str, Field(min_length=1)]
    files: Size
    size: Size
    listing: Sha256


class PlannedInput(Contract):
    """One input image and where its bytes come from, as its form wants: `original` is the imported file as it was
    when the plan was made, `store` the same of a registered OME-Zarr, `link` its path on the cluster, `pixels` what an
    OME-TIFF or OME-Zarr is written from.
    `size`: bytes of the file, also of one that is not sent but linked; of an OME-Zarr those of all its files; 0 of an
    image in a plate that has a store.
    """

    input: StagedInput
    size: Annotated[int, Field(ge=0)]
    original: FileIdentity | None = None
    store: StoreIdentity | None = None
    link: Annotated[str, Field(min_length=1)] | None = None
    pixels: ImagePixels | None = None

    @model_validator(mode="after")
    def _bytes_as_the_form_wants(self) -> Self:
        sources = {"original": self.original, "store": self.store, "link": self.link, "pixels": self.pixels}
        given = {name for name, source in sources.items() if source is not None}
        wanted: dict[StagedForm, tuple[set[str], ...]] = {
            StagedForm.ORIGINAL: ({"original"},),
            # Of an image that goes with its plate, the plate has the store and the link.
            StagedForm.ORIGINAL_ZARR: ({"store"},) if self.input.field is None else (set(),),
            StagedForm.LINK: ({"original", "link"}, {"store", "link"}) if self.input.field is None else (set(),),
            StagedForm.OME_TIFF: ({"pixels"},),
            StagedForm.OME_ZARR: ({"pixels"},),
        }
        if given not in wanted[self.input.form]:
            raise ValueError(f"an input of form {self.input.form.value} has {', '.join(sorted(given)) or 'nothing'}")
        return self


class PlannedPlate(Contract):
    """A plate that goes to the cluster whole, as one OME-Zarr. Its images are inputs with a `field`.

    `store` is the registered OME-Zarr as it was when the plan was made, `link` its path on the cluster. Without a store
    the plate is written: its images from their pixels, and around them what makes them a plate. `size`: bytes of the
    store, or of those files around them.
    """

    plate: ObjectId
    name: str
    file_name: StagedName
    task: Annotated[int, Field(ge=0)]
    size: Size
    store: StoreIdentity | None = None
    link: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _linked_is_what_is_there(self) -> Self:
        if self.link is not None and self.store is None:
            raise ValueError("a plate that is written is not linked")
        return self

    @property
    def path(self) -> str:
        """Where it lies below the run's folder."""
        return f"in/{self.task}/{self.file_name}"


class PlannedAttachment(Contract):
    """A file annotation for a file parameter. `file` is its OriginalFile's id, `name` its name, `size` its bytes."""

    parameter: ParameterName
    annotation: ObjectId
    file: ObjectId
    name: str
    file_name: StagedName
    size: Annotated[int, Field(ge=0)]

    @property
    def path(self) -> str:
        """Where it lies below the run's folder."""
        return f"files/{self.parameter}/{self.file_name}"


class StagingPlan(Contract):
    """Everything that a run needs on the cluster beside its parameters; inputs in the sequence of their tasks."""

    inputs: Annotated[tuple[PlannedInput, ...], Field(strict=False, min_length=1)]
    attachments: Annotated[tuple[PlannedAttachment, ...], Field(strict=False)] = ()
    plates: Annotated[tuple[PlannedPlate, ...], Field(strict=False)] = ()

    @property
    def staged_inputs(self) -> tuple[StagedInput, ...]:
        return tuple(planned.input for planned in self.inputs)

    @property
    def bytes_to_send(self) -> int:
        """What staging writes on the cluster."""
        images = sum(planned.size for planned in self.inputs if planned.link is None)
        plates = sum(plate.size for plate in self.plates if plate.link is None)
        return images + plates + sum(attachment.size for attachment in self.attachments)

    @property
    def links(self) -> dict[str, str]:
        """What is linked: its path below the run's folder, and where the cluster has it."""
        found = {planned.input.path: planned.link for planned in self.inputs if planned.link is not None}
        return found | {plate.path: plate.link for plate in self.plates if plate.link is not None}

    @property
    def stores(self) -> dict[str, StoreIdentity]:
        """OME-Zarrs that are sent as they are, by their paths below the run's folder."""
        found = {one.input.path: one.store for one in self.inputs if one.store is not None and one.link is None}
        return found | {one.path: one.store for one in self.plates if one.store is not None and one.link is None}

    @property
    def tasks(self) -> int:
        """Tasks of the job array."""
        return max(planned.input.task for planned in self.inputs) + 1
