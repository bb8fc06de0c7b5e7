"""A folder of the image storage that is sent as it is, file by file: an OME-Zarr that OMERO shows in place."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from blocks.storage_path import cannot_open, open_folder_below
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from contracts.staging_plan import StoreIdentity

#: Whether a file, by its path below the folder, is a part of what is sent.
Belongs = Callable[[str], bool]


def identify_tree(home: Path, root: Path, belongs: Belongs) -> StoreIdentity:
    """What the folder `root` inside `home` (both resolved) holds now; no part of the path below `home` may be a link.

    Raises:
        FailureError: NOT_A_FILE when there is a link or a special file in it, or nothing that belongs to it;
            FILE_NOT_FOUND, FILE_NOT_READABLE, FILE_CHANGED (swapped for a link), STORAGE_UNAVAILABLE.
    """
    descriptor = open_folder_below(home, root)
    try:
        files = list(_walk(descriptor, root, belongs))
    finally:
        os.close(descriptor)
    if not files:
        raise fail(
            FailureCategory.NOT_A_FILE,
            f"There are no files in {root.name!r}.",
            detail=str(root),
            next_step="Put them back, or leave it out.",
        )
    return _identity(root, files)


def list_tree(store: StoreIdentity, belongs: Belongs) -> list[tuple[str, FileIdentity]]:
    """Every file of the folder with its path below it, in the sequence of the paths, if all are as they were.

    Raises:
        FailureError: FILE_CHANGED, FILE_NOT_READABLE, STORAGE_UNAVAILABLE, NOT_A_FILE.
    """
    root = Path(store.path)
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            raise _changed(root, str(error)) from error
        raise cannot_open(store.path, error) from error
    try:
        files = list(_walk(descriptor, root, belongs))
    finally:
        os.close(descriptor)
    if (now := _identity(root, files)) != store:
        raise _changed(root, f"{store.files} files of {store.size} bytes; now {now.files} of {now.size}")
    return files


def _walk(descriptor: int, root: Path, belongs: Belongs) -> Iterator[tuple[str, FileIdentity]]:
    """By descriptors, so that a folder that is swapped for a link meanwhile is not followed."""

    def failed(error: OSError) -> None:
        raise cannot_open(str(root), error) from error

    for folder, folders, names, below in os.fwalk(".", dir_fd=descriptor, onerror=failed, follow_symlinks=False):
        folders.sort()
        for name in sorted([*names, *folders]):
            path = str(PurePosixPath(folder, name))
            try:
                status = os.stat(name, dir_fd=below, follow_symlinks=False)
            except OSError as error:
                raise cannot_open(str(root / path), error) from error
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise fail(
                    FailureCategory.NOT_A_FILE,
                    f"{path!r} in {root.name!r} is no regular file.",
                    detail=str(root / path),
                    next_step="Put the file itself there; links are not followed.",
                )
            if belongs(path):
                yield (
                    path,
                    FileIdentity(
                        path=str(root / path),
                        device=status.st_dev,
                        inode=status.st_ino,
                        size=status.st_size,
                        modified_ns=status.st_mtime_ns,
                    ),
                )


def _identity(root: Path, files: list[tuple[str, FileIdentity]]) -> StoreIdentity:
    """The device is left out: another worker, or the same one after a remount, sees another."""
    digest = sha256()
    for path, file in sorted(files, key=lambda one: one[0]):
        digest.update(f"{path}\0{file.inode} {file.size} {file.modified_ns}\n".encode("utf-8", "surrogateescape"))
    return StoreIdentity(
        path=str(root), files=len(files), size=sum(file.size for _, file in files), listing=digest.hexdigest()
    )


def _changed(root: Path, how: str) -> FailureError:
    return fail(
        FailureCategory.FILE_CHANGED,
        f"{root.name!r} changed after it was chosen to be sent to the cluster.",
        detail=f"{root}: {how}",
        next_step="Wait until nobody writes to it, then run the analysis again.",
    )
