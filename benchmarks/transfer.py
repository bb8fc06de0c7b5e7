"""Inputs to the cluster and results back, beside cp, and beside OpenSSH's own client that only copies.

What is measured logs in, looks what is there, sends, and has every byte's SHA-256 compared on the cluster; its peers
log in and send: OpenSSH as it comes, and with the faster cipher that flows choose. Results are fetched from a folder
that a job would have left, listed as `examine` lists it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import statistics
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks.cluster import LoginNode, bare_ssh, slurm_cluster
from benchmarks.figure import Figure
from blocks.remote_command import RemoteScript
from blocks.results import fetch
from blocks.run_folder import prepare_folder, tidy
from blocks.staging import InputFile, stage
from blocks.storage_path import fingerprint
from blocks.stored_file import read_stored_file
from contracts.remote_run import ListedResult
from contracts.slurm_job import SubmittedJob
from sandbox.site import Site

#: Of the large file, which takes seconds; of the small ones, which take half a second and so vary more.
ROUNDS, SMALL_ROUNDS = 5, 11
OUR_CIPHER = ("-c", "aes128-gcm@openssh.com")
SETTLE_SECONDS = 3.0
LARGE = 1 << 30
SMALL, SMALL_BYTES = 1000, 20_000

#: Arguments: scratch, token. What is staged becomes the output of task 0.
_LEAVE = RemoteScript(
    "leave what is staged as a job's results",
    'cd -- "$1/$2" && mkdir -p attempt-1/out && chmod -R u+w staged && mv staged/in/0 attempt-1/out/0',
)


def measure(site: Site) -> list[Figure]:
    with TemporaryDirectory(prefix="bench-transfer-", dir=site.storage) as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        write_files(large, 1, LARGE)
        write_files(small, SMALL, SMALL_BYTES)
        return [*Transfer(site, large, ROUNDS).figures(), *Transfer(site, small, SMALL_ROUNDS).figures()]


def write_files(folder: Path, number: int, size: int) -> None:
    folder.mkdir()
    for serial in range(number):
        with (folder / f"{serial}_a.tif").open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size - start)))


class Transfer:
    """The files of one folder, on their way to the cluster and back."""

    def __init__(self, site: Site, folder: Path, rounds: int) -> None:
        self._site = site
        self._rounds = rounds
        self._cluster = slurm_cluster(site)
        self._folder = folder
        self._files = sorted(folder.iterdir())
        self._size = sum(path.stat().st_size for path in self._files)
        self._ssh = shlex.join(bare_ssh(site))
        self._fast_ssh = shlex.join(bare_ssh(site, *OUR_CIPHER))
        self._peer = f"{self._cluster.scratch}/bench-{uuid.uuid4()}"
        self._there: UUID | None = None

    def figures(self) -> list[Figure]:
        try:
            copy, send, fast_send, stage = in_turn(
                self._rounds, self._copy, lambda: self._send(self._ssh), lambda: self._send(self._fast_ssh), self._stage
            )
            written = self._count_written() / self._size
            self._leave_as_results()
            bring, fast_bring, fetch = in_turn(
                self._rounds, lambda: self._bring(self._ssh), lambda: self._bring(self._fast_ssh), self._fetch
            )
        finally:
            self._on_cluster(f"rm -rf {self._peer}")
            self._tidy()
        single = len(self._files) == 1
        what = (
            f"a file of {self._size >> 20:,} MiB" if single else f"{len(self._files):,} files of {SMALL_BYTES:,} bytes"
        )
        peer = "ssh cat" if single else "tar through ssh"
        rate = self._size / 2**20
        return [
            Figure(f"staging {what}, median of {self._rounds}", rate / statistics.median(stage), "MiB/s",
                   f"{rate_beside(stage, send):.2f} of the rate of `{peer}` (goal: 0.80),"
                   f" {rate_beside(stage, fast_send):.2f} of its rate with our cipher,"
                   f" {rate_beside(stage, copy):.2f} of cp's"),
            Figure("bytes written on the cluster for each byte", written, "bytes", "goal: 1"),
            Figure(f"fetching {what}, median of {self._rounds}", rate / statistics.median(fetch), "MiB/s",
                   f"{rate_beside(fetch, bring):.2f} of the rate of `{peer}`,"
                   f" {rate_beside(fetch, fast_bring):.2f} of its rate with our cipher"),
        ]  # fmt: skip

    # ---- ours; each gives its seconds

    def _stage(self) -> float:
        self._tidy()
        self._there = token = uuid.uuid4()
        os.sync()
        began = time.monotonic()
        with self._cluster.connect() as connection:
            run = prepare_folder(self._cluster, connection, token)
            stage(self._cluster, connection, run, [_input(path) for path in self._files])
        return time.monotonic() - began

    def _fetch(self) -> float:
        with TemporaryDirectory(dir=self._site.storage) as here:
            began = time.monotonic()
            with self._cluster.connect() as connection:
                fetched = fetch(self._cluster, connection, self._job, self._listed, Path(here))
            took = time.monotonic() - began
        if len(fetched.arrived) != len(self._files):
            raise RuntimeError(f"not everything came: {fetched.failed[:1]}")
        return took

    def _count_written(self) -> int:
        node = LoginNode(self._site)
        self._stage()
        return node.bytes_written()

    def _leave_as_results(self) -> None:
        assert self._there is not None
        with self._cluster.connect() as connection:
            connection.run(_LEAVE, self._cluster.scratch, str(self._there))
        self._job = SubmittedJob(token=self._there, attempt=1, number=1, tasks=(0,), submitted=datetime.now(UTC))
        self._listed = [_listed(path) for path in self._files]

    def _tidy(self) -> None:
        if self._there is not None:
            with self._cluster.connect() as connection:
                tidy(self._cluster, connection, self._there)
            self._there = None

    # ---- peers

    def _copy(self) -> float:
        with TemporaryDirectory(dir=self._site.storage) as here:
            return seconds_of(f"cp -r {self._folder} {here}")

    def _send(self, ssh: str) -> float:
        """Into a folder that is new, as ours is: to write files over has another price."""
        self._on_cluster(f"rm -rf {self._peer}")
        os.sync()
        if len(self._files) == 1:
            return seconds_of(f"{ssh} 'mkdir {self._peer} && cat > {self._peer}/0' < {self._files[0]}")
        there = f"mkdir {self._peer} && tar -C {self._peer} -xf -"
        return seconds_of(f"tar -C {self._folder} -cf - . | {ssh} '{there}'")

    def _bring(self, ssh: str) -> float:
        with TemporaryDirectory(dir=self._site.storage) as here:
            if len(self._files) == 1:
                return seconds_of(f"{ssh} 'cat {self._peer}/0' > {here}/0")
            return seconds_of(f"{ssh} 'tar -C {self._peer} -cf - .' | tar -C {here} -xf -")

    def _on_cluster(self, command: str) -> None:
        seconds_of(f"{self._ssh} '{command}'")


def _input(path: Path) -> InputFile:
    identity = fingerprint(path.parent, path)
    return InputFile(f"in/0/{path.name}", identity.size, lambda: read_stored_file(identity))


def _listed(path: Path) -> ListedResult:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ListedResult(task=0, path=path.name, size=path.stat().st_size, sha256=digest)


def in_turn(rounds: int, *works: Callable[[], float]) -> list[tuple[float, ...]]:
    """The seconds of each in each round, one work after the other; the first round does not count."""
    seconds = [[_settled(work) for work in works] for _ in range(rounds + 1)]
    return list(zip(*seconds[1:], strict=True))


def _settled(work: Callable[[], float]) -> float:
    """A disk that is told which blocks are free again is busy with that for seconds, on the next one's account."""
    os.sync()
    time.sleep(SETTLE_SECONDS)
    return work()


def rate_beside(took: Sequence[float], peer: Sequence[float]) -> float:
    """Of the peer's rate, in each round, the median: the machine itself is a third faster in one minute than in the
    next.
    """
    return statistics.median(theirs / ours for ours, theirs in zip(took, peer, strict=True))


def seconds_of(command: str) -> float:
    """Of a command line of this module; names in it have nothing that a shell takes for more than a letter."""
    began = time.monotonic()
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began
