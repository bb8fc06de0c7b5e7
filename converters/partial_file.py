"""A file that appears under its name only when it is whole."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from converters.errors import ConverterError, DiskFull, UnwritableOutput

_SUFFIX = ".partial"
#: Longest name, in bytes, that leaves room for the suffix (NAME_MAX is 255).
LONGEST_NAME = 255 - len(_SUFFIX)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: Bytes to try when a short write is to be explained.
_PROBE = 1 << 20


class PartialFile:
    """`<name>.partial`, renamed to `<name>` by `commit`, removed when the block ends without it.

    One process at a time: the partial file carries an exclusive lock, which the kernel releases when
    its holder is killed; a second process waits for it, and a partial file that a killed process left
    is taken over. The data are on the disk (fsync) before the name is. Locks hold between the
    processes of one machine, and between machines where the file system passes them on (NFS 4).

    Raises, from the `with` block too, instead of OSError:
        DiskFull: no space or quota left.
        UnwritableOutput: the file system refuses for another reason, which is named.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + _SUFFIX)
        self._descriptor = -1
        self._committed = False

    def __enter__(self) -> Self:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = self._lock()
            os.truncate(self._descriptor, 0)
        except OSError as error:
            raise self._explain(error) from error
        return self

    def commit(self) -> None:
        """Make the file durable and give it its name, replacing what had the name."""
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            self.path.chmod(0o644)
            self.path.replace(self.target)
            self._committed = True
            folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._explain(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        explained = self._explain(error) if isinstance(error, OSError) else None
        try:
            if not self._committed:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)
        if explained is not None:
            raise explained from error

    def _lock(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._is_still(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its former holder renamed or removed it while we waited

    def _is_still(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _explain(self, error: OSError) -> ConverterError:
        if error.errno in _FULL:
            return DiskFull(self.target, f"the disk of {self.target.parent} is full, or its quota is used up")
        if error.errno is None and self._is_full():
            return DiskFull(self.target, f"the disk of {self.target.parent} is full, or its quota is used up")
        return UnwritableOutput(self.target, f"cannot be written: {error.strerror or error}")

    def _is_full(self) -> bool:
        """Whether the file cannot grow. NumPy's short writes carry no error number, so it is asked for again."""
        try:
            for _ in range(2):  # the first of them may be short, too
                os.pwrite(self._descriptor, bytes(_PROBE), os.fstat(self._descriptor).st_size)
        except OSError as error:
            return error.errno in _FULL
        return False
