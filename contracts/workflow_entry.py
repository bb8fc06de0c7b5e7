"""One workflow of a site's catalogue: where its descriptor is, its image, and what its jobs ask Slurm for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.analysis_run import AnalysisInputs
from contracts.base import Contract
from contracts.container_image import ContainerImage
from contracts.descriptor_formats.document import LONGEST_TEXT
from contracts.descriptor_source import DescriptorSource, read_source
from contracts.sbatch_options import SbatchOptions, check_option
from contracts.workflow_descriptor import ZARR_FORMATS, DescriptorFormat, WorkflowDescriptor

#: What people type: `omero-flows analyse NAME`. BIOMERO's names are in small letters.
WorkflowName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
#: A folder inside the folder of images on the cluster.
ImageFolder = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")]


class WorkflowMode(StrEnum):
    """What of OMERO a workflow takes; BIOMERO's lists of plate and dual-mode workflows."""

    IMAGES = "images"
    PLATES = "plates"
    BOTH = "images and plates"


def refuse_inputs(mode: WorkflowMode, inputs: AnalysisInputs) -> str | None:
    """Why a workflow that takes this does not take what is to be analysed; None when it does."""
    if mode is WorkflowMode.PLATES and (inputs.images or inputs.datasets):
        return "The workflow takes whole plates, and no images or datasets."
    if mode is WorkflowMode.IMAGES and inputs.plates:
        return "The workflow takes images and datasets, and no plates."
    return None


def _address(text: str) -> str:
    read_source(text)
    return text


def _image(text: str) -> str:
    ContainerImage.parse(text)
    return text


class WorkflowEntry(Contract):
    """A workflow. Its descriptor is one of: a repository's or file's web address, a path, or the text itself.

    `image`: instead of the descriptor's. `folder`: of its image on the cluster; None means the workflow's
    name. What is None among the options is the descriptor's resources, then the cluster's settings
    (contracts/workflow_resources.py). `time` and `memory` are in sbatch's words (`1-12:00:00`, `15G`). `mode` and
    `zarr`: None leaves it to the descriptor.
    """

    repository: Annotated[str, AfterValidator(_address)] | None = None
    path: Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]+$", max_length=4000)] | None = None
    descriptor: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    image: Annotated[str, AfterValidator(_image)] | None = None
    folder: ImageFolder | None = None
    partition: str | None = None
    use_gpu: bool | None = None
    gres: str | None = None
    gpus: str | None = None
    cpus: Annotated[int, Field(ge=1, le=100_000)] | None = None
    time: str | None = None
    memory: str | None = None
    sbatch: SbatchOptions = Field(default_factory=dict)
    mode: Annotated[WorkflowMode, Field(strict=False)] | None = None
    zarr: bool | None = None

    @model_validator(mode="after")
    def _one_descriptor_and_known_words(self) -> Self:
        if sum(place is not None for place in (self.repository, self.path, self.descriptor)) != 1:
            raise ValueError("give one of repository, path and descriptor")
        if self.gres is not None and self.gpus is not None:
            raise ValueError("give gres or gpus, not both")
        for name, value in self._own().items():
            check_option(name, value)
            if name in self.sbatch:
                raise ValueError(f"--{name} is given twice")
        return self

    @property
    def options(self) -> dict[str, str]:
        """What this entry itself asks sbatch for."""
        return self._own() | self.sbatch

    @property
    def source(self) -> DescriptorSource | None:
        """The web addresses of the descriptor; None when it is here."""
        return None if self.repository is None else read_source(self.repository)

    def image_of(self, descriptor: WorkflowDescriptor) -> ContainerImage:
        """The image to run: the entry's; else the descriptor's, at its own tag or that of the repository.

        Of Bilayers' descriptors the repository's tag counts first, as in BIOMERO: theirs is often `latest`.

        Raises:
            ValueError: the repository's tag cannot be an image's.
        """
        if self.image is not None:
            return ContainerImage.parse(self.image)
        version = None if self.source is None else self.source.version
        image = descriptor.image
        if descriptor.format is DescriptorFormat.BILAYERS and version is not None:
            image = ContainerImage(registry=image.registry, repository=image.repository)
        return image.with_tag(version)

    def mode_of(self, descriptor: WorkflowDescriptor) -> WorkflowMode:
        """What it takes: the entry's word, else plates if the descriptor asks for them, else images."""
        return self.mode or (WorkflowMode.PLATES if descriptor.needs_plate else WorkflowMode.IMAGES)

    def takes_only(self, descriptor: WorkflowDescriptor) -> WorkflowMode | None:
        """What it takes and nothing else. None: neither entry nor descriptor says so, and a plate's fields are images
        like others to it.
        """
        return WorkflowMode.PLATES if self.mode is None and descriptor.needs_plate else self.mode

    def refuse_inputs(self, descriptor: WorkflowDescriptor, inputs: AnalysisInputs) -> str | None:
        """Why the workflow does not take what is to be analysed, as a sentence; None when it does."""
        mode = self.takes_only(descriptor)
        return None if mode is None else refuse_inputs(mode, inputs)

    def formats_of(self, descriptor: WorkflowDescriptor) -> frozenset[str]:
        """The words for the formats of images that it takes: OME-Zarr alone, or never, if the entry says so; else the
        descriptor's.
        """
        named = {word for image in descriptor.images for word in image.formats}
        if self.zarr is None:
            return frozenset(named)
        return ZARR_FORMATS if self.zarr else frozenset(named - ZARR_FORMATS)

    def _own(self) -> dict[str, str]:
        words = {
            "partition": self.partition,
            "gres": self.gres,
            "gpus": self.gpus,
            "cpus-per-task": None if self.cpus is None else str(self.cpus),
            "time": self.time,
            "mem": self.memory,
        }
        return {name: value for name, value in words.items() if value is not None}
