"""Uploads into a group's folder: begun, continued wherever they were cut, and put in place whole.

    <group folder>/.uploads/<id>.json      who uploads what, how long it is and where it goes
    <group folder>/.uploads/<id>.partial   the bytes so far

How much has arrived is the size of the `.partial` file and nothing else, so that a process which dies in the middle of
a request leaves no count that the bytes contradict. The file gets its name by one link(2) when it is whole; a name that
is taken is never overwritten.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from pydantic import Field, ValidationError

from contracts.base import Contract, Moment
from contracts.failures import FailureCategory, fail
from contracts.source_file import RelativePath, check_relative_path
from omero_ui.imports.folder_entries import exists, modified_of, same_file, size_of, write_new
from omero_ui.imports.group_folder import GroupFolder, cannot_open
from omero_ui.imports.upload_failures import (
    UploadBusy,
    UploadTooLong,
    WrongOffset,
    bad_name,
    cannot_write,
    taken,
    unknown,
)

UPLOADS = ".uploads"
#: An upload that nobody went on with for so long is removed.
KEPT = timedelta(days=3)
#: Unfinished uploads of one user in one group.
MOST_UNFINISHED = 100
#: Bytes of the disk that uploads leave free.
LEFT_FREE = 1 << 30

_ID = re.compile(r"[0-9a-f]{32}")


class Upload(Contract):
    """One upload. `length` is in bytes; `path` is where the file goes, inside the group's folder."""

    id: str
    user: int
    path: RelativePath
    length: int = Field(ge=1)
    began: Moment


class UploadStore:
    """The uploads of one user in one group's folder; those of others are not there for them."""

    def __init__(self, folder: GroupFolder, user: int, *, most_bytes: int) -> None:
        """
        Args:
            user: the id of the OMERO user.
            most_bytes: the longest file that may be uploaded.
        """
        self._folder = folder
        self._user = user
        self._most_bytes = most_bytes

    def begin(self, folder: str, name: str, length: int) -> Upload:
        """Begin an upload of `length` bytes as the file `name` in `folder` (inside the group's; `""` is it).

        Raises:
            UploadTooLong.
            FailureError: BAD_REQUEST for a name that cannot be or is taken, FILE_EMPTY, DISK_FULL, and what
                `GroupFolder.opened` raises for `folder`.
        """
        _check_name(name, name)
        if length < 1:
            raise fail(FailureCategory.FILE_EMPTY, f"{name!r} is empty.", next_step="Choose another file.")
        if length > self._most_bytes:
            raise UploadTooLong(
                fail(
                    FailureCategory.BAD_REQUEST,
                    f"{name!r} is too large to be uploaded.",
                    detail=f"{length:,} bytes; at most {self._most_bytes:,} are taken",
                    next_step="Copy it into the group's folder in another way; ask an administrator how.",
                ).failure
            )
        path = f"{folder}/{name}" if folder else name
        with self._folder.opened(folder) as target, self._opened() as uploads:
            _check_name(name, path)
            if exists(target, name):
                raise taken(path)
            self._tidy(uploads)
            if len(self._own(uploads)) >= MOST_UNFINISHED:
                raise fail(
                    FailureCategory.BAD_REQUEST,
                    f"You have {MOST_UNFINISHED} unfinished uploads in this group.",
                    next_step="Finish or cancel some of them first.",
                )
            disk = os.fstatvfs(uploads)
            if disk.f_bavail * disk.f_frsize < length + LEFT_FREE:
                raise fail(
                    FailureCategory.DISK_FULL,
                    f"There is no space for {name!r} in the image storage.",
                    next_step="Ask an administrator to make space.",
                )
            upload = Upload(id=uuid.uuid4().hex, user=self._user, path=path, length=length, began=datetime.now(UTC))
            try:
                write_new(uploads, f"{upload.id}.partial", b"")
                write_new(uploads, f"{upload.id}.json", upload.model_dump_json().encode())
            except OSError as error:
                raise cannot_write(error) from error
        return upload

    def find(self, id: str) -> tuple[Upload, int]:
        """An upload of this user, and how many of its bytes have arrived.

        Raises:
            FailureError: FILE_NOT_FOUND; a whole upload is gone too, its file is in place.
        """
        with self._opened() as uploads:
            upload = self._read(uploads, id)
            try:
                return upload, os.stat(f"{id}.partial", dir_fd=uploads, follow_symlinks=False).st_size
            except FileNotFoundError as error:
                raise unknown() from error

    def append(self, id: str, offset: int, chunks: Iterable[bytes]) -> int:
        """Write what comes after the first `offset` bytes; returns how many bytes have arrived now.

        What was written before the client's connection breaks is kept. More than the declared length is refused,
        and nothing of it is kept. When all are there the file is put in its place.

        Raises:
            WrongOffset, UploadBusy, UploadTooLong.
            FailureError: FILE_NOT_FOUND; BAD_REQUEST for a name that was taken meanwhile (the bytes are kept);
                DISK_FULL, NOT_CONFIGURED, STORAGE_UNAVAILABLE.
        """
        with self._opened() as uploads:
            upload = self._read(uploads, id)
            try:
                partial = os.open(f"{id}.partial", os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=uploads)
            except FileNotFoundError as error:
                raise unknown() from error
            try:
                _lock(partial)
                arrived = os.fstat(partial).st_size
                if arrived != offset:
                    raise WrongOffset(arrived, offset)
                try:
                    arrived = _write(partial, upload, arrived, chunks)
                finally:
                    os.fsync(partial)
                if arrived == upload.length:
                    self._put_in_place(uploads, upload)
            finally:
                os.close(partial)
        return arrived

    def cancel(self, id: str) -> None:
        """Remove an unfinished upload.

        Raises:
            FailureError: FILE_NOT_FOUND.
        """
        with self._opened() as uploads:
            self._read(uploads, id)
            _remove(uploads, id)

    def unfinished(self) -> tuple[tuple[Upload, int], ...]:
        """This user's uploads with the bytes that have arrived, the oldest first."""
        with self._opened() as uploads:
            found = [(upload, size_of(uploads, f"{upload.id}.partial")) for upload in self._own(uploads)]
        return tuple(sorted(found, key=lambda pair: pair[0].began))

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """A descriptor of the folder of uploads; no link is followed to it."""
        with self._folder.opened("") as group:
            try:
                os.mkdir(UPLOADS, 0o750, dir_fd=group)
            except FileExistsError:
                pass
            except OSError as error:
                raise cannot_write(error) from error
            try:
                uploads = os.open(UPLOADS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=group)
            except OSError as error:
                raise cannot_open(UPLOADS, error) from error
        try:
            yield uploads
        finally:
            os.close(uploads)

    def _read(self, uploads: int, id: str) -> Upload:
        if not _ID.fullmatch(id):
            raise unknown()
        try:
            upload = _read_upload(uploads, id)
        except (OSError, ValidationError) as error:
            raise unknown() from error
        if upload.user != self._user:
            raise unknown()
        return upload

    def _own(self, uploads: int) -> list[Upload]:
        found = []
        for name in os.listdir(uploads):
            id, _, ending = name.partition(".")
            if ending == "json" and _ID.fullmatch(id):
                try:
                    upload = _read_upload(uploads, id)
                except (OSError, ValidationError):
                    continue  # it ended while we looked
                if upload.user == self._user:
                    found.append(upload)
        return found

    def _tidy(self, uploads: int) -> None:
        """Remove what nobody went on with, of anybody."""
        before = (datetime.now(UTC) - KEPT).timestamp()
        for name in os.listdir(uploads):
            id, _, ending = name.partition(".")
            if ending == "partial" and _ID.fullmatch(id) and modified_of(uploads, name) < before:
                _remove(uploads, id)

    def _put_in_place(self, uploads: int, upload: Upload) -> None:
        folder, _, name = upload.path.rpartition("/")
        partial = f"{upload.id}.partial"
        with self._folder.opened(folder) as target:
            try:
                os.link(partial, name, src_dir_fd=uploads, dst_dir_fd=target, follow_symlinks=False)
            except FileExistsError as error:
                if not same_file(uploads, partial, target, name):  # else a process died between this and the next step
                    raise taken(upload.path) from error
            except OSError as error:
                if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
                    raise cannot_write(error) from error
                # A file system without hard links: a name taken in this very moment would be overwritten.
                if exists(target, name):
                    raise taken(upload.path) from error
                os.rename(partial, name, src_dir_fd=uploads, dst_dir_fd=target)
            os.fsync(target)
        _remove(uploads, upload.id)


def _write(partial: int, upload: Upload, arrived: int, chunks: Iterable[bytes]) -> int:
    begin = arrived
    os.lseek(partial, arrived, os.SEEK_SET)
    for chunk in chunks:
        if arrived + len(chunk) > upload.length:
            os.ftruncate(partial, begin)
            raise UploadTooLong(
                fail(
                    FailureCategory.BAD_REQUEST,
                    f"More bytes came than the {upload.length:,} that were declared.",
                    next_step="Upload the file again from its beginning; it may be written to just now.",
                ).failure
            )
        rest = memoryview(chunk)
        while rest:
            try:
                written = os.write(partial, rest)
            except OSError as error:
                raise cannot_write(error) from error
            arrived += written
            rest = rest[written:]
    return arrived


def _check_name(name: str, path: str) -> None:
    try:
        check_relative_path(path)
    except ValueError as error:
        raise bad_name(name, str(error)) from error
    if "/" in name or "\\" in name:
        raise bad_name(name, "it has a slash")
    if name.startswith("."):
        raise bad_name(name, "it begins with a dot: such files are hidden")


def _read_upload(uploads: int, id: str) -> Upload:
    file = os.open(f"{id}.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=uploads)
    try:
        return Upload.model_validate_json(os.read(file, 1 << 16))
    finally:
        os.close(file)


def _remove(uploads: int, id: str) -> None:
    for ending in ("partial", "json"):
        try:
            os.unlink(f"{id}.{ending}", dir_fd=uploads)
        except FileNotFoundError:
            continue


def _lock(partial: int) -> None:
    try:
        fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UploadBusy from error
