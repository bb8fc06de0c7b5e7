"""A run's folder on the cluster: what is in it, and how far the run has come. The answer to "is this done?"."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.base import Contract, Moment, Token
from contracts.failures import Failure
from contracts.slurm_job import Accounting, AttemptNumber, ClusterName, JobNumber, QueuedJob, TaskExit
from contracts.source_file import check_relative_path
from contracts.staged_input import Sha256, StagedFile

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_ROOTS = ("in", "files", "gt")
#: The files of Zarr version 2 that begin with a dot.
ZARR_DOTTED = frozenset({".zgroup", ".zattrs", ".zarray", ".zmetadata"})


def check_staged_path(path: str) -> str:
    """Only what is ours to choose: `in/<task>/<file>`, `files/<parameter>/<file>` or `gt/<file>`, plain characters.

    An OME-Zarr is a folder: `in/<task>/<folder>.zarr/<files and folders of Zarr>`.

    Raises:
        ValueError: names what is wrong.
    """
    check_relative_path(path)
    root, *rest = path.split("/")
    if root not in _ROOTS or not rest:
        raise ValueError(f"{path!r} is not below one of {', '.join(_ROOTS)}")
    if rest[-1] in ZARR_DOTTED and any(part.endswith(".zarr") for part in rest[:-1]):
        rest.pop()
    for part in rest:
        if not _PLAIN.issuperset(part) or part[0] in ".-":
            raise ValueError(f"{part!r} in {path!r} has other characters than letters, digits, '_', '.' and '-'")
    return path


#: Where a staged file lies below the run's staged folder.
StagedPath = Annotated[str, AfterValidator(check_staged_path)]


class StagedLink(Contract):
    """A staged input that is a symbolic link to an original which the cluster sees under `target`."""

    path: StagedPath
    target: str


class Attempt(Contract):
    """One submission of the run, by the files in its folder.

    `intent`: when somebody set out to submit it, by the cluster's clock. `number`: the job, once known. `reply`: what
    `sbatch` said when it did not take the job. `exits`: of the tasks whose trap has written.
    """

    number: AttemptNumber
    intent: Moment | None = None
    job: JobNumber | None = None
    cluster: ClusterName | None = None
    reply: str | None = None
    cancelled: bool = False
    exits: Annotated[tuple[TaskExit, ...], Field(strict=False)] = ()


class RemoteFolder(Contract):
    """What lies in a run's folder.

    `now` is the cluster's clock; `free_bytes` of the scratch folder. `staged` is None until every file has arrived and
    verified; `partial` are the bytes of those that lie there half or unverified.
    """

    token: Token
    now: Moment
    free_bytes: Annotated[int, Field(ge=0)]
    staged: Annotated[tuple[StagedFile, ...], Field(strict=False)] | None
    links: Annotated[tuple[str, ...], Field(strict=False)] = ()
    partial: dict[str, int] = {}
    attempts: Annotated[tuple[Attempt, ...], Field(strict=False)] = ()

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt; None before the first."""
        return self.attempts[-1] if self.attempts else None


class RemoteRun(RemoteFolder):
    """What the cluster knows of a run: its folder, and what Slurm knows under its name, whatever the folder says.

    Nothing is submitted without it: a folder alone cannot tell that there is no job.
    """

    queued: Annotated[tuple[QueuedJob, ...], Field(strict=False)] = ()
    accounted: Annotated[tuple[Accounting, ...], Field(strict=False)] = ()


class ListedResult(Contract):
    """A file in a task's output folder, as the cluster lists it: its path there, bytes and SHA-256."""

    task: Annotated[int, Field(ge=0)]
    path: Annotated[str, AfterValidator(check_relative_path)]
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class RefusedResult(Contract):
    """Something in a task's output folder that is not brought back, and why. `path` is only for people to read."""

    task: Annotated[int, Field(ge=0)]
    path: str
    failure: Failure
