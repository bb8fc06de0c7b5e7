"""Why an upload is refused or stops, for the person who uploads and for the tus client."""

from __future__ import annotations

import errno

from contracts.failures import FailureCategory, FailureError, fail


class WrongOffset(FailureError):
    """The client goes on from another byte than the one that comes next: it asks, and goes on from there."""

    def __init__(self, arrived: int, offset: int) -> None:
        super().__init__(
            fail(
                FailureCategory.BAD_REQUEST,
                f"The upload has {arrived} bytes, not {offset}.",
                next_step="Go on from there.",
            ).failure
        )


class UploadBusy(FailureError):
    """Another request, often the one that was cut, still writes: the client waits a moment."""

    def __init__(self) -> None:
        super().__init__(
            fail(
                FailureCategory.BAD_REQUEST,
                "Another request writes to this upload.",
                next_step="Wait a moment, then ask how far it is.",
            ).failure
        )


class UploadTooLong(FailureError):
    """The file is longer than is allowed, or than was declared."""


def bad_name(name: str, why: str) -> FailureError:
    return fail(
        FailureCategory.BAD_REQUEST,
        f"{name[:200]!a} is no name for a file here.",
        detail=why.encode("utf-8", "replace").decode("utf-8")[:500],
        next_step="Rename the file, then upload it again.",
    )


def taken(path: str) -> FailureError:
    return fail(
        FailureCategory.BAD_REQUEST,
        f"There is a file {path!r} already; it is not overwritten.",
        next_step="Rename one of the two, then upload again.",
    )


def unknown() -> FailureError:
    return fail(
        FailureCategory.FILE_NOT_FOUND,
        "There is no such upload.",
        next_step="Begin it again; one that nobody went on with is removed after some days.",
    )


def cannot_write(error: OSError) -> FailureError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return fail(
            FailureCategory.DISK_FULL,
            "The image storage is full; what has arrived is kept.",
            next_step="Ask an administrator to make space, then go on.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return fail(
            FailureCategory.NOT_CONFIGURED,
            "The group's folder cannot be written to.",
            detail=str(error.strerror),
            next_step="Ask an administrator to let OMERO.web's account write to it, or to switch uploads off.",
        )
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        "The image storage cannot be written to just now.",
        detail=str(error.strerror),
        next_step="Go on in a moment; what has arrived is kept.",
    )
