"""The files that a run brought back: opened without following a link, and read as what they were when they came."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from blocks.image_storage import ImageStorage
from blocks.storage_path import fingerprint, open_below
from contracts.failures import Failure, FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from contracts.run_results import ResultFile

CHUNK = 1 << 20


def identify_result(storage: ImageStorage, group: str, file: ResultFile) -> FileIdentity:
    """The fingerprint of a result as it lies there now.

    Raises:
        FailureError: FILE_CHANGED when its size is not the one it came with, or a part of its path is a link;
            else as `fingerprint`.
    """
    folder = storage.folder(group)
    identity = fingerprint(folder, folder / file.path)
    if identity.size != file.size:
        raise _changed(file, f"it came with {file.size} bytes and has {identity.size}")
    return identity


@contextmanager
def open_result(storage: ImageStorage, group: str, file: ResultFile) -> Iterator[BinaryIO]:
    """A result, opened for reading bytes; empty ones too.

    Raises:
        FailureError: as `identify_result`.
    """
    folder = storage.folder(group)
    with os.fdopen(open_below(folder, folder / file.path), "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size != file.size:
            raise _changed(file, f"it came with {file.size} bytes and has {size}")
        yield stream


def copy_result(stream: BinaryIO, file: ResultFile, write: Callable[[bytes], object]) -> None:
    """Hand a result on, chunk by chunk, and make sure at its end that it was what had come.

    Raises:
        FailureError: FILE_CHANGED; by then all of it has been written.
    """
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        write(chunk)
    if digest.hexdigest() != file.sha256:
        raise _changed(file, f"it came with SHA-256 {file.sha256} and has {digest.hexdigest()}")


def path_of(storage: ImageStorage, group: str, file: ResultFile) -> Path:
    """Where a result lies on this machine; identify it first."""
    return storage.folder(group) / file.path


def store_of(file: ResultFile) -> str | None:
    """The path of the outermost Zarr store that a file lies in; None when it lies in none."""
    for folder in reversed(PurePosixPath(file.path).parents):
        if folder.suffix.lower() == ".zarr":
            return str(folder)
    return None


def from_workflow(error: FailureError, file: ResultFile) -> Failure:
    """The failure of a file that a workflow wrote: what to do about it lies with the workflow, not a microscope."""
    failure = error.failure
    if failure.category in {
        FailureCategory.BROKEN_FILE,
        FailureCategory.UNKNOWN_FORMAT,
        FailureCategory.FILE_EMPTY,
    }:
        return failure.model_copy(
            update={"next_step": f"Look into the job's log. The file itself stays where it is: {file.path}."}
        )
    return failure


def _changed(file: ResultFile, how: str) -> FailureError:
    return fail(
        FailureCategory.FILE_CHANGED,
        f"{file.name!r} is not what the job had brought back.",
        detail=f"{file.path}: {how}",
        next_step="Find out who writes to the run's folder; then retry the run.",
    )
