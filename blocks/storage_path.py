"""Paths below a folder of the image storage: what may be opened there, how, and what it means when it cannot be.

What a path means is settled once; it is then opened part by part without following links, so that nobody can swap a
part of it in between.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from contracts.source_file import check_relative_path


def check_path(path: str, folder: str) -> None:
    """Refuse a path that leaves the folder by its own text, or that no order can hold.

    Raises:
        FailureError: PATH_OUTSIDE_FOLDER, BAD_REQUEST.
    """
    try:
        check_relative_path(path)
    except ValueError as error:
        if path.startswith("/") or ".." in path.split("/"):
            raise fail(
                FailureCategory.PATH_OUTSIDE_FOLDER,
                f"{path[:200]!r} is not inside {folder}.",
                detail=str(error),
                next_step="Copy the file into the group's folder, or order it as the group it belongs to.",
            ) from error
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{path[:200]!r} cannot be imported under this name.",
            detail=str(error),
            next_step="Rename the file, then order it again.",
        ) from error


def fingerprint(folder: Path, path: Path) -> FileIdentity:
    """Fingerprint a file inside `folder` (both resolved), following no link below it.

    Raises:
        FailureError: as `ImageStorage.identify` does.
    """
    try:
        return take_fingerprint(folder, path)
    except (OSError, ValueError) as error:
        raise cannot_open(str(path), error) from error


def open_below(folder: Path, path: Path) -> int:
    """A descriptor, for reading, of a regular file inside `folder`; no part of the path below it may be a link.

    Raises:
        FailureError: as `ImageStorage.identify` does, save FILE_EMPTY.
    """
    try:
        return _open_below(folder, path)
    except (OSError, ValueError) as error:
        raise cannot_open(str(path), error) from error


def open_folder_below(folder: Path, path: Path) -> int:
    """A descriptor of a folder inside `folder`; no part of the path below it may be a link.

    Raises:
        FailureError: as `ImageStorage.identify` does, save FILE_EMPTY.
    """
    try:
        return _open_parts(folder, path, os.O_DIRECTORY)
    except (OSError, ValueError) as error:
        raise cannot_open(str(path), error) from error


def _open_below(folder: Path, real: Path) -> int:
    descriptor = _open_parts(folder, real, os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder", str(real))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, "is not a regular file", str(real))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_parts(folder: Path, real: Path, last_flag: int) -> int:
    """Open part after part, the last one with a flag more."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    parts = real.relative_to(folder).parts
    descriptor = os.open(folder, flags | os.O_DIRECTORY)
    try:
        for number, part in enumerate(parts, start=1):
            last = number == len(parts)
            below = os.open(part, flags | (last_flag if last else os.O_DIRECTORY), dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def take_fingerprint(folder: Path, real: Path) -> FileIdentity:
    """`fingerprint`, for who says otherwise what an error means.

    Raises:
        FailureError: FILE_EMPTY.
        OSError: the operating system's own.
        ValueError: the path is not inside the folder.
    """
    descriptor = _open_below(folder, real)
    try:
        status = os.fstat(descriptor)
        if status.st_size == 0:
            raise fail(
                FailureCategory.FILE_EMPTY,
                f"{real.name!r} is empty.",
                next_step="Copy the file again from the microscope.",
            )
        os.pread(descriptor, 1, 0)
    finally:
        os.close(descriptor)
    return FileIdentity(
        path=str(real), device=status.st_dev, inode=status.st_ino, size=status.st_size, modified_ns=status.st_mtime_ns
    )


def cannot_open(path: str, error: Exception) -> FailureError:
    """The failure for a file of the storage that could not be opened or read."""
    number = error.errno if isinstance(error, OSError) else None
    detail = str(error)
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return fail(
            FailureCategory.FILE_NOT_FOUND,
            f"There is no file {path!r} in the group's folder.",
            detail=detail,
            next_step="Check the spelling, and that the copy from the microscope has ended.",
        )
    if number == errno.EISDIR:
        return fail(
            FailureCategory.NOT_A_FILE,
            f"{path!r} is a folder, not a file.",
            detail=detail,
            next_step="Name the files inside the folder.",
        )
    if number == errno.ENXIO:
        return fail(
            FailureCategory.NOT_A_FILE,
            f"{path!r} is not a regular file.",
            detail=detail,
            next_step="Name an image file.",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return fail(
            FailureCategory.FILE_NOT_READABLE,
            f"{path!r} may not be read.",
            detail=detail,
            next_step="Let the worker's account and OMERO's read the file.",
        )
    if number == errno.ELOOP:
        return fail(
            FailureCategory.FILE_CHANGED,
            f"{path!r} was swapped for a symbolic link while we looked at it.",
            detail=detail,
            next_step="Wait until nobody writes to the folder, then place the order again.",
        )
    if number == errno.ENAMETOOLONG:
        return fail(
            FailureCategory.BAD_REQUEST,
            f"{path[:100]!r}... is too long a path.",
            detail=detail,
            next_step="Shorten the names.",
        )
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        f"{path!r} cannot be read just now.",
        detail=detail,
        next_step="Check the image storage; the step is tried again by itself.",
    )
