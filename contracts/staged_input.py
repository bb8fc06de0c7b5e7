"""An image of OMERO as the workflow finds it: one file in its input folder, or one folder that is an OME-Zarr."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.base import Contract, ObjectId

#: Hexadecimal SHA-256.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: A file's name on the cluster: ours to choose, so it is plain.
StagedName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$")]


#: Where the image of a field lies in its plate: row, column and field, with NGFF's names for them.
FieldPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,20}$")]


class StagedForm(StrEnum):
    """How an image comes to the cluster."""

    #: The file that was imported, bit for bit.
    ORIGINAL = "original"
    #: A link to the imported file, or to the registered OME-Zarr; the cluster mounts the image storage.
    LINK = "link"
    #: The OME-Zarr that was registered, file for file.
    ORIGINAL_ZARR = "original-zarr"
    #: Written from OMERO's pixels, which is also what a workflow gets that takes plain TIFF.
    OME_TIFF = "ome-tiff"
    #: A folder of files, written from OMERO's pixels.
    OME_ZARR = "ome-zarr"


class StagedInput(Contract):
    """One input image. `file_name` is unique in the run and is `<image id>_<plain name>.<ext>`; `task` is the array
    task (from 0) that works at it. `name` is the image's name in OMERO; `original_file` the imported file's name.
    `dataset` is where it lies (None: in a plate, or nowhere). `field`: of an image that goes with its whole plate,
    where it lies in that; `file_name` is the plate's then, and all its images have it.
    """

    image: ObjectId
    name: str
    original_file: str
    dataset: ObjectId | None
    file_name: StagedName
    form: Annotated[StagedForm, Field(strict=False)]
    task: Annotated[int, Field(ge=0)]
    field: FieldPath | None = None

    @property
    def path(self) -> str:
        """Where it lies below the run's folder: each task has an input folder of its own."""
        store = f"in/{self.task}/{self.file_name}"
        return store if self.field is None else f"{store}/{self.field}"


class StagedFile(Contract):
    """One file that has arrived whole: its path below the run's folder, its size in bytes and its SHA-256."""

    path: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256
