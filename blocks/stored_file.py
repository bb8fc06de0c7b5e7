"""Read a file that was identified before: the same one, from its first byte to its last."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from blocks.storage_path import cannot_open
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity

CHUNK = 1 << 20


def read_stored_file(file: FileIdentity, offset: int = 0) -> Iterator[bytes]:
    """The bytes from `offset` on, in pieces of 1 MiB.

    The opened file is compared with its identity before the first and after the last byte, so that neither a swapped
    path nor somebody who writes to the file goes unnoticed. Limit: a writer that puts size and time of modification
    back does.

    Raises:
        FailureError: FILE_CHANGED, FILE_NOT_READABLE, STORAGE_UNAVAILABLE.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            raise _changed(file, str(error)) from error
        raise cannot_open(file.path, error) from error
    try:
        _check(descriptor, file)
        while piece := os.pread(descriptor, min(CHUNK, file.size - offset), offset):
            yield piece
            offset += len(piece)
        if offset < file.size:
            raise _changed(file, f"it ends after {offset} of {file.size} bytes")
        _check(descriptor, file)
    except OSError as error:
        raise cannot_open(file.path, error) from error
    finally:
        os.close(descriptor)


def _check(descriptor: int, file: FileIdentity) -> None:
    """The device is left out: another worker, or the same one after a remount, sees another."""
    now = os.fstat(descriptor)
    found = {"inode": now.st_ino, "size": now.st_size, "modified_ns": now.st_mtime_ns}
    differing = [name for name, value in found.items() if value != getattr(file, name)]
    if differing:
        raise _changed(file, f"{', '.join(differing)} differ")


def _changed(file: FileIdentity, how: str) -> FailureError:
    return fail(
        FailureCategory.FILE_CHANGED,
        f"{Path(file.path).name!r} changed after it was chosen to be sent to the cluster.",
        detail=f"{file.path}: {how}",
        next_step="Wait until nobody writes to the file, then run the analysis again.",
    )
