"""Bring a job's results back: one stream, one command, whatever their number and size.

A large file comes by itself, behind a line that says how many bytes follow, and so does one that an earlier attempt
brought in part, from where it was cut; the others come as one tar archive. Each is written into a `.partial` folder,
its size and SHA-256 are compared with those that the cluster listed, then it is renamed. What is there whole is not
fetched again.

The stream is not trusted: only plain files that were asked for are taken from it, under the names that were listed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol, cast

from blocks.remote_command import RemoteScript
from blocks.run_folder import FOLDER_SECONDS
from blocks.side_digest import SideDigest
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import command_failed
from contracts.failures import Failure, FailureCategory, FailureError, fail
from contracts.remote_run import ListedResult
from contracts.slurm_job import SubmittedJob

PARTIAL = ".partial"
#: All that paramiko holds of a stream at once: what is left over would be copied.
CHUNK_BYTES = 2 << 20
#: What is written at once; a stream comes in smaller chunks.
WRITE_BYTES = 4 << 20
#: Larger files come by themselves: tarfile would copy every byte three times.
SMALL_BYTES = 1 << 20

#: Arguments: scratch, token, attempt. Through standard input: a line `OFFSET PATH` for each file that comes by itself,
#: an empty line, and the paths of those for the archive, each with a NUL at its end. tar follows no links here and
#: names no hard links.
_SEND = RemoteScript(
    "send the results",
    """\
own "$1/$2" && cd -- "$1/$2/attempt-$3/out" || exit 73
single=../.single.$$ archive=../.archive.$$
while IFS= read -r line && [ -n "$line" ]; do printf '%s\\n' "$line"; done > "$single" && cat > "$archive" || exit 74
while IFS= read -r line; do
    offset=${line%% *} path=${line#* }
    rest=$(($(stat -c %s -- "$path") - offset))
    [ "$rest" -ge 0 ] || rest=0
    printf '%s\\n' "$rest"
    dd "if=$path" bs=256K "skip=$offset" "count=$rest" iflag=skip_bytes,count_bytes,fullblock status=none
done < "$single"
echo tar
tar --create --file=- --format=gnu --hard-dereference --no-recursion --null --files-from="$archive" -b 512
code=$?
rm -f "$single" "$archive"
exit "$code"
""",
)

#: Statuses with which it ends before it has sent anything; others are tar's, which says file by file what is missing.
_NOT_BEGUN = (73, 74)

#: Told the file, and its bytes that are here by now.
Progress = Callable[[ListedResult, int], None]


class Reader(Protocol):
    """Where a stream comes from: gives at least one byte, or none at its end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass
class Fetched:
    """What came, and what did not and why."""

    arrived: list[ListedResult] = field(default_factory=list)
    failed: list[tuple[ListedResult, Failure]] = field(default_factory=list)


def local_path(folder: Path, result: ListedResult) -> Path:
    """Where a result lies: `<folder>/<task>/<path>`."""
    return folder / str(result.task) / result.path


def fetch(
    cluster: SlurmCluster,
    connection: SshConnection,
    job: SubmittedJob,
    results: Sequence[ListedResult],
    folder: Path,
    *,
    progress: Progress = lambda result, size: None,
) -> Fetched:
    """Bring results into a folder of the worker. A result that fails leaves the others as they are.

    Nobody but the run may write into `folder`; it is made if it is not there.

    Raises:
        FailureError: CLUSTER_UNREACHABLE when the connection is cut (what came is kept, and not fetched again),
            DISK_FULL, STORAGE_UNAVAILABLE, CLUSTER_REFUSED, CANCELLED.
    """
    arrival = Arrival(folder, progress)
    try:
        missing = [result for result in results if not arrival.has(result)]
        arrival.check_space(missing)
        if missing:
            single: list[ListedResult] = []
            packed: list[ListedResult] = []
            for result in missing:
                (single if result.size > SMALL_BYTES or arrival.offset(result) else packed).append(result)
            wanted = "".join(f"{arrival.offset(result)} {_remote_path(result)}\n" for result in single) + "\n"
            wanted += "".join(f"{_remote_path(result)}\0" for result in packed)
            place = (cluster.at(job.scratch).scratch, str(job.token), str(job.attempt))
            with connection.stream(_SEND, *place, silent_seconds=FOLDER_SECONDS) as stream:
                stream.write(wanted.encode())
                stream.end_input()
                arrival.receive(stream, single, packed)
                ended = stream.finish()
            if ended.status in _NOT_BEGUN:
                raise command_failed(str(connection.target), _SEND.name, ended)
        arrival.tidy()
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return arrival.fetched


class Arrival:
    """Files on their way into a folder of the worker."""

    def __init__(self, folder: Path, progress: Progress = lambda result, size: None) -> None:
        self.fetched = Fetched()
        self._folder = folder
        self._partial = folder / PARTIAL
        self._progress = progress
        self._partial.mkdir(parents=True, exist_ok=True)

    def has(self, result: ListedResult) -> bool:
        """Whether a result is here whole already; it then counts as arrived."""
        path = local_path(self._folder, result)
        if not path.is_file() or path.is_symlink() or path.stat().st_size != result.size:
            return False
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != result.sha256:
                return False
        self.fetched.arrived.append(result)
        return True

    def offset(self, result: ListedResult) -> int:
        """Bytes of a result that an earlier attempt brought."""
        path = self._partial_path(result)
        size = path.stat().st_size if path.is_file() else 0
        return size if size <= result.size else 0

    def tidy(self) -> None:
        """Remove the folder of partial files, unless there are any."""
        if not any(self._partial.iterdir()):
            self._partial.rmdir()

    def check_space(self, missing: Sequence[ListedResult]) -> None:
        """
        Raises:
            FailureError: DISK_FULL.
        """
        needed = sum(result.size - self.offset(result) for result in missing)
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise fail(
                FailureCategory.DISK_FULL,
                f"The results need {needed >> 20} MiB, and the image storage has {free >> 20} MiB.",
                next_step="Free space in the image storage, then retry the run.",
            )

    def receive(self, stream: Reader, single: Sequence[ListedResult], packed: Sequence[ListedResult]) -> None:
        """Read the whole stream. What it does not bring as it was listed is a failure of that file alone."""
        source = _Source(stream)
        for result in single:
            size = source.line()
            if not size.isdigit():
                break
            self._take(result, source.parts(int(size)), self.offset(result))
        else:
            if source.line() == b"tar":
                self._receive_archive(source, {_remote_path(result): result for result in packed})
        settled = {id(result) for result in self.fetched.arrived} | {id(result) for result, _ in self.fetched.failed}
        for result in (*single, *packed):
            if id(result) not in settled:
                self._fail(result, FailureCategory.TRANSFER_INCOMPLETE, "did not come")

    def _receive_archive(self, source: _Source, wanted: dict[str, ListedResult]) -> None:
        try:
            with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|", bufsize=CHUNK_BYTES) as archive:
                for member in archive:
                    result = wanted.pop(member.name, None)
                    if result is None:
                        continue
                    data = archive.extractfile(member) if member.isreg() else None
                    if data is None:
                        self._fail(result, FailureCategory.RESULT_REFUSED, "is no plain file any more")
                        continue
                    self._take(result, _chunks(data), 0)
        except tarfile.TarError:
            # The archive ends in the middle of a file: that one and those that would have followed did not come.
            return

    def _take(self, result: ListedResult, parts: Iterator[bytes], done: int) -> None:
        """Write a result's bytes behind those that are here, compare, and rename."""
        partial = self._partial_path(result)
        digest = SideDigest() if result.size > SMALL_BYTES else hashlib.sha256()
        with open(partial, "r+b" if done else "wb", buffering=WRITE_BYTES) as file:
            for old in _chunks(file) if done else ():
                digest.update(old)
            for part in parts:
                if done + len(part) > result.size:
                    break
                file.write(part)
                digest.update(part)
                done += len(part)
                self._progress(result, done)
        for _ in parts:
            pass  # what is too much belongs to nothing
        if done < result.size:
            return  # cut; kept, and gone on with next time
        if digest.hexdigest() != result.sha256:
            partial.unlink()
            self._fail(result, FailureCategory.TRANSFER_INCOMPLETE, "came with other bytes than the cluster listed")
            return
        path = local_path(self._folder, result)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self._folder)):
            self._fail(result, FailureCategory.RESULT_REFUSED, "would be written outside of the results' folder")
            return
        partial.replace(path)
        self.fetched.arrived.append(result)

    def _partial_path(self, result: ListedResult) -> Path:
        """Named by place and content: a file that is made anew under the same name does not go on from the old one."""
        return self._partial / hashlib.sha256(f"{result.sha256} {_remote_path(result)}".encode()).hexdigest()

    def _fail(self, result: ListedResult, category: FailureCategory, what: str) -> None:
        failure = fail(
            category,
            f"The result {result.path[:200]!r} of task {result.task} {what}.",
            next_step="Retry the run; what came whole is kept.",
        ).failure
        self.fetched.failed.append((result, failure))


class _Source:
    """A stream read line by line and in parts, and then by tarfile, which wants as many bytes as it asks for."""

    def __init__(self, stream: Reader) -> None:
        self._stream = stream
        self._kept = b""

    def line(self) -> bytes:
        """A line of at most 40 bytes, without its end; empty when there is none."""
        while b"\n" not in self._kept[:40]:
            if len(self._kept) >= 40 or not (more := self._stream.read(CHUNK_BYTES)):
                return b""
            self._kept += more
        line, _, self._kept = self._kept.partition(b"\n")
        return line

    def parts(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, or fewer when the stream ends."""
        while size > 0 and (part := self._some(min(size, CHUNK_BYTES))):
            size -= len(part)
            yield part

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, or fewer at the stream's end."""
        return b"".join(self.parts(size))

    def _some(self, size: int) -> bytes:
        if not self._kept:
            return self._stream.read(size)
        part, self._kept = self._kept[:size], self._kept[size:]
        return part


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _remote_path(result: ListedResult) -> str:
    return f"{result.task}/{result.path}"


def _cannot_write(folder: Path, error: OSError) -> FailureError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return fail(
            FailureCategory.DISK_FULL,
            "The image storage has no space for the results.",
            detail=str(error),
            next_step="Free space in the image storage, then retry the run; what came is kept.",
        )
    return fail(
        FailureCategory.STORAGE_UNAVAILABLE,
        "The results cannot be written into the image storage.",
        detail=f"{folder}: {error}",
        next_step="Check the image storage; the step is tried again by itself.",
    )
