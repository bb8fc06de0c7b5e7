"""A group's folder in the image storage, opened so that nothing outside it is ever reached.

Paths come from a browser. Each is checked as text (`contracts/source_file.py`), resolved, held to lie inside the
folder, and then opened part by part from a descriptor of the folder without following any link, so that what is read
is what was checked. Links that stay inside the folder are followed. The flow checks again, on the machine that imports.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.failures import FailureCategory, FailureError, fail
from contracts.source_file import check_relative_path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class GroupFolder:
    """`path` is absolute, symbolic links resolved."""

    group: str
    path: Path

    def resolve(self, path: str) -> Path:
        """The real path of something in the folder; `""` is the folder itself.

        Raises:
            FailureError: PATH_OUTSIDE_FOLDER, FILE_NOT_FOUND, BAD_REQUEST and what `cannot_open` says.
        """
        if path == "":
            return self.path
        try:
            check_relative_path(path)
        except ValueError as error:
            raise _refuse(path, error) from error
        try:
            real = Path(os.path.realpath(self.path / path, strict=True))
        except OSError as error:
            raise cannot_open(path, error) from error
        if not real.is_relative_to(self.path):
            raise fail(
                FailureCategory.PATH_OUTSIDE_FOLDER,
                f"{path!r} leads out of the folder of group {self.group!r}.",
                next_step="Copy the files into the group's folder.",
            )
        return real

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A descriptor of a folder below this one, or of this one for `""`.

        Raises:
            FailureError: as `resolve`; NOT_A_FILE when it is no folder.
        """
        real = self.resolve(path)
        try:
            descriptor = self._descend(real, os.O_DIRECTORY)
        except OSError as error:
            raise cannot_open(path, error) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def is_folder(self, path: str) -> bool:
        """
        Raises:
            FailureError: as `resolve`.
        """
        return self.resolve(path).is_dir()

    def identify(self, path: str) -> tuple[Path, os.stat_result]:
        """The real path of a regular file, and its status.

        Raises:
            FailureError: as `resolve`; NOT_A_FILE when it is a folder, a pipe, a device.
        """
        real = self.resolve(path)
        try:
            descriptor = self._descend(real, os.O_NONBLOCK)
        except OSError as error:
            raise cannot_open(path, error) from error
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise fail(
                FailureCategory.NOT_A_FILE, f"{path!r} is not a file.", next_step="Open the folder, or choose a file."
            )
        return real, status

    def holds(self, real: Path) -> bool:
        """Whether a path, its links resolved now, lies inside the folder."""
        return Path(os.path.realpath(real)).is_relative_to(self.path)

    def _descend(self, real: Path, last: int) -> int:
        parts = real.relative_to(self.path).parts
        descriptor = os.open(self.path, _FLAGS | os.O_DIRECTORY)
        try:
            for number, part in enumerate(parts, start=1):
                flags = _FLAGS | (last if number == len(parts) else os.O_DIRECTORY)
                below = os.open(part, flags, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def open_group_folder(root: str, folders: Mapping[str, str], group: str) -> GroupFolder:
    """The folder of a group; one that `folders` does not name has the folder of its name, as in the ImageStorage block.

    Raises:
        FailureError: STORAGE_UNAVAILABLE when the root is not there, NOT_CONFIGURED when the group has no folder.
    """
    relative = folders.get(group, group)
    if relative not in {"", "."}:
        try:
            check_relative_path(relative)
        except ValueError as error:
            raise _no_folder(group, str(error)) from error
    if not Path(root).is_dir():
        raise fail(
            FailureCategory.STORAGE_UNAVAILABLE,
            "The image storage is not there.",
            detail=f"{root} is not a directory on OMERO.web's machine",
            next_step="Try again later; if it stays away, ask an administrator to mount it.",
        )
    path = Path(os.path.realpath(Path(root) / relative))
    if not path.is_dir():
        raise _no_folder(group, f"{path} is not a directory on OMERO.web's machine")
    return GroupFolder(group, path)


def cannot_open(path: str, error: OSError) -> FailureError:
    """The failure for something in the folder that could not be opened or read."""
    shown = path or "The group's folder"
    if error.errno in {errno.ENOENT}:
        return fail(
            FailureCategory.FILE_NOT_FOUND,
            f"{shown!r} is not there any more.",
            next_step="Look at the folder again; somebody may have moved it.",
        )
    if error.errno in {errno.ENOTDIR, errno.ENXIO}:
        return fail(
            FailureCategory.NOT_A_FILE,
            f"{shown!r} is not what it should be: a folder, or a regular file.",
            detail=str(error.strerror),
            next_step="Choose something else.",
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return fail(
            FailureCategory.FILE_NOT_READABLE,
            f"{shown!r} may not be read.",
            next_step="Ask an administrator to let OMERO.web's account read it.",
        )
    if error.errno == errno.ELOOP:
        return fail(
            FailureCategory.FILE_NOT_FOUND,
            f"{shown!r} is a symbolic link that leads to itself, or was swapped for one.",
            next_step="Choose the file itself.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return fail(FailureCategory.BAD_REQUEST, f"{shown[:100]!r}... is too long a path.", next_step="Shorten it.")
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        f"{shown!r} cannot be read just now.",
        detail=str(error.strerror),
        next_step="Try again later; if it stays so, tell an administrator.",
    )


def _refuse(path: str, error: ValueError) -> FailureError:
    if path.startswith("/") or ".." in path.split("/"):
        return fail(
            FailureCategory.PATH_OUTSIDE_FOLDER,
            f"{path[:200]!a} is not inside the group's folder.",
            next_step="Choose from the list of files.",
        )
    return fail(
        FailureCategory.BAD_REQUEST,
        f"{path[:200]!a} cannot be imported under this name.",
        detail=str(error)[:500],
        next_step="Rename it, then look again.",
    )


def _no_folder(group: str, detail: str) -> FailureError:
    return fail(
        FailureCategory.NOT_CONFIGURED,
        f"Group {group!r} has no folder in the image storage.",
        detail=detail,
        next_step="Ask an administrator to give it one.",
    )
