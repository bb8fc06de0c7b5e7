"""Which Failure a write to the image storage that did not succeed stands for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from contracts.failures import FailureCategory, FailureError, fail


def storage_failure(path: Path, error: OSError) -> FailureError:
    """The failure for a write that did not succeed."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return fail(
            FailureCategory.DISK_FULL,
            f"There is no space left for {path.name!r}.",
            detail=f"{path}: {error}",
            next_step="Free some space, then retry the order.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return fail(
            FailureCategory.NOT_CONFIGURED,
            f"The worker may not write to {path.parent}.",
            detail=str(error),
            next_step="Let the worker's account write to the `.processed` folders.",
        )
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        f"{path.name!r} cannot be written just now.",
        detail=f"{path}: {error}",
        next_step="Check the image storage; the step is tried again by itself.",
    )


def is_full(folder: Path) -> bool:
    """True when less than a megabyte is left where the folder lies."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize < 1 << 20
