"""What an analysis run brought back, and what became of it in OMERO."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.base import Contract, ObjectId, Token
from contracts.failures import Failure
from contracts.source_file import RelativePath
from contracts.staged_input import Sha256

#: The folder of the group's image storage that holds what runs brought back, one folder a run (BIOMERO's name).
ANALYZED = ".analyzed"


class ResultFile(Contract):
    """One file that a task of the job wrote, as it lies in the group's image storage.

    `path`: inside the group's folder (`.analyzed/<uuid>/<task>/<name>`). `task`: the array task that wrote it.
    """

    path: RelativePath
    task: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256

    @model_validator(mode="after")
    def _lies_in_a_runs_folder(self) -> Self:
        parts = PurePosixPath(self.path).parts
        if len(parts) < 4 or parts[0] != ANALYZED:
            raise ValueError(f"{self.path!r} is not {ANALYZED}/<uuid>/<task>/<name>")
        return self

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def run_folder(self) -> str:
        """`.analyzed/<uuid>`."""
        return str(PurePosixPath(*PurePosixPath(self.path).parts[:2]))

    @property
    def path_in_task(self) -> PurePosixPath:
        """The path as the workflow wrote it, below its output folder."""
        return PurePosixPath(*PurePosixPath(self.path).parts[3:])


class ResultKind(StrEnum):
    """What a result became in OMERO."""

    IMAGE = "image"
    ROIS = "rois"
    TABLE = "table"
    ATTACHMENT = "attachment"
    ARCHIVE = "archive"


class Result(Contract):
    """One thing that a result file became.

    `object_type` and `object_id` name it in OMERO: an Image or Plate, the Image that carries the ROIs, the
    FileAnnotation of a table, an attachment or the archive. `input`: the image it belongs to; None when it belongs
    to the run as a whole. `count`: the ROIs or rows. `path` of the archive is the run's folder.
    """

    path: RelativePath
    kind: Annotated[ResultKind, Field(strict=False)]
    object_type: Annotated[str, Field(pattern="^(Image|Plate|FileAnnotation)$")]
    object_id: ObjectId
    input: ObjectId | None = None
    count: Annotated[int, Field(ge=0)] = 1
    #: True when it was there before this attempt, found by the run's token.
    was_there: bool = False


class NotALabelImage(Contract):
    """A result image that was looked at for labels and holds something else; that is no failure by itself."""

    path: RelativePath
    reason: str


class FailedResult(Contract):
    """A result that did not get into OMERO, and why."""

    path: RelativePath
    failure: Failure


class RunResults(Contract):
    """What became of all that a run brought back.

    `left`: files that the run's options leave where they lie, in the image storage. `unmarked`: inputs that do not say
    that this run used them, because they were deleted meanwhile or the user may not annotate them.
    """

    uuid: Token
    results: Annotated[tuple[Result, ...], Field(strict=False)] = ()
    failed: Annotated[tuple[FailedResult, ...], Field(strict=False)] = ()
    left: Annotated[tuple[RelativePath, ...], Field(strict=False)] = ()
    unmarked: Annotated[tuple[ObjectId, ...], Field(strict=False)] = ()

    def count(self, kind: ResultKind) -> int:
        """Images, tables, attachments: how many things of a kind; of ROIs, how many there are on all images."""
        if kind is ResultKind.ROIS:
            return sum(result.count for result in self.results if result.kind is kind)
        return sum(result.kind is kind for result in self.results)

    @property
    def summary(self) -> str:
        words = {
            ResultKind.IMAGE: ("image", "images"),
            ResultKind.ROIS: ("ROI", "ROIs"),
            ResultKind.TABLE: ("table", "tables"),
            ResultKind.ATTACHMENT: ("attachment", "attachments"),
            ResultKind.ARCHIVE: ("archive", "archives"),
        }
        parts = [f"{count} {words[kind][count != 1]}" for kind in ResultKind if (count := self.count(kind))]
        text = ", ".join(parts) or "no results"
        return text + (f"; {len(self.failed)} failed" if self.failed else "")
