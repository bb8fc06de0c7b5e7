"""This project's own converters, run as a child process under the container contract."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import IO

from blocks.container_engine import check_end
from blocks.converter_output import ConverterOutput, Log, OutputLines
from contracts.failures import FailureCategory, fail
from converters.command import DISK_FULL

#: The child may not outgrow the worker's machine, nor run for ever.
MEMORY_BYTES = 16 << 30
MINUTES = 240


def convert(arguments: Sequence[str], *, folder: Path, log: Log, stopped: Callable[[], bool]) -> str:
    """Run `python -m converters`; returns the last line it printed.

    The child dies with the thread that started it, however that ends (prctl(2), PR_SET_PDEATHSIG), and
    its memory is bounded (setrlimit(2), RLIMIT_AS).

    Raises:
        FailureError: CONVERTER_FAILED, CONVERTER_TIMED_OUT, CONVERTER_BROKE_CONTRACT, DISK_FULL, CANCELLED.
    """
    bounded = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "prlimit", f"--as={MEMORY_BYTES}", "--core=0"]
    source = str(Path(__file__).parent.parent)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "PYTHONPATH": source,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
    }
    child = subprocess.Popen(
        [*bounded, sys.executable, "-m", "converters", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    output = ConverterOutput(log, "converter")
    assert child.stdout is not None and child.stderr is not None
    readers = [
        Thread(target=_read, args=(stream, lines), daemon=True)
        for stream, lines in ((child.stdout, output.stdout), (child.stderr, output.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        _wait(child, stopped)
        for reader in readers:
            reader.join(10)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        child.stdout.close()
        child.stderr.close()
    output.close()
    if child.returncode == DISK_FULL:
        raise fail(
            FailureCategory.DISK_FULL,
            f"There is no space left in {folder.parent}.",
            detail=output.last_words,
            next_step="Free some space, then retry the order.",
        )
    check_end("builtin", child.returncode, output)
    return output.last_line


def converter_version() -> str:
    """The built-in converters have no image: their version stands for its digest."""
    return f"omero-flows {version('omero-flows')}"


def _wait(child: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MINUTES * 60
    while True:
        try:
            child.wait(0.2)
            return
        except subprocess.TimeoutExpired:
            if stopped():
                raise fail(
                    FailureCategory.CANCELLED,
                    "The conversion was cancelled.",
                    next_step="Retry the order if you want it after all.",
                ) from None
            if time.monotonic() > deadline:
                raise fail(
                    FailureCategory.CONVERTER_TIMED_OUT,
                    f"The built-in converter did not end within {MINUTES} minutes.",
                    next_step="Convert smaller files.",
                ) from None


def _read(stream: IO[bytes], lines: OutputLines) -> None:
    while chunk := os.read(stream.fileno(), 1 << 16):
        lines.feed(chunk)
