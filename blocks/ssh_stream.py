"""A command that runs on the cluster: its input and output as streams, and its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Self

import paramiko

from blocks.remote_command import RemoteCommand
from blocks.ssh_failures import CommandResult, InterruptedCommandError, command_silent, connection_lost
from contracts.failures import FailureCategory, FailureError, fail

#: Bytes of standard output that are kept when they are not read as a stream, and of standard error.
MOST_OUTPUT = 256 << 20
MOST_ERRORS = 64 << 10
#: Bytes of greetings before an answer.
MOST_NOISE = 1 << 20
#: Bytes that paramiko holds of a command's output at once, its default window.
MOST_CHUNK = 2 << 20
#: How often a command that is silent is looked at, in seconds.
SLICE_SECONDS = 0.5

Stopped = Callable[[], bool]


def never() -> bool:
    """Of a step that nobody can cancel."""
    return False


class RemoteStream:
    """A running command: write its input, read its output, then `finish`. Leaving the context ends it."""

    def __init__(
        self, channel: paramiko.Channel, line: RemoteCommand, where: str, silent_seconds: float, stopped: Stopped
    ) -> None:
        channel.settimeout(SLICE_SECONDS)
        self._channel = channel
        self._line = line
        self._where = where
        self._silent_seconds = silent_seconds
        self._stopped = stopped
        self._heard = time.monotonic()
        self._output = bytearray()
        self._errors = bytearray()
        self._begun = False
        self._refuses_input = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._channel.close()

    @property
    def refuses_input(self) -> bool:
        """The command has ended, or closed its input, before it was given everything; `finish` tells why."""
        return self._refuses_input

    def write(self, data: bytes | memoryview) -> None:
        """Send bytes to the command's input, waiting when it does not keep up.

        Raises:
            InterruptedCommandError: CLUSTER_UNREACHABLE.
            FailureError: CANCELLED.
        """
        rest = memoryview(data)
        while len(rest) and not self._refuses_input:
            try:
                sent = self._channel.send(rest)  # type: ignore[arg-type]  # it takes any buffer
            except TimeoutError:
                self._wait()
                self._drain()
                continue
            except (OSError, paramiko.SSHException) as error:
                if self._channel.exit_status_ready() or self._alive():
                    self._refuses_input = True
                    return
                raise self._lost(error) from error
            self._heard = time.monotonic()
            rest = rest[sent:]
        self._drain()

    def end_input(self) -> None:
        """Close the command's input; one that has ended already has closed it itself."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of the command's output, at least one; empty at its end.

        Raises:
            InterruptedCommandError: CLUSTER_UNREACHABLE.
            FailureError: CANCELLED, CLUSTER_REFUSED when no answer of ours begins.
        """
        while not (self._begun and self._output):
            data = self._receive()
            if not data:
                return b""
            if self._begun and len(data) <= size:
                return data  # most of a long stream: not copied once more
            self._keep(data)
        taken = bytes(self._output[:size])
        del self._output[:size]
        return taken

    def finish(self) -> CommandResult:
        """End the command's input, wait for its end, and give what was not read of its output.

        Raises:
            InterruptedCommandError: CLUSTER_UNREACHABLE.
            FailureError: CANCELLED, CLUSTER_REFUSED.
        """
        self.end_input()
        while data := self._receive():
            self._keep(data)
            if len(self._output) > MOST_OUTPUT:
                raise fail(
                    FailureCategory.CLUSTER_REFUSED,
                    f"{self._where} printed more than {MOST_OUTPUT >> 20} MiB when it should {self._line.name}.",
                    next_step="Look at the run's folder on the cluster.",
                )
        while not self._channel.exit_status_ready():
            if not self._alive():
                raise self._lost("no exit status")
            self._wait()
            self._channel.status_event.wait(SLICE_SECONDS)
        status = self._channel.recv_exit_status()
        if status == -1:
            raise self._lost("the command was killed")
        self._drain()
        if not self._begun and status == 0:
            raise self._no_answer()
        return CommandResult(
            status, bytes(self._output) if self._begun else b"", self._errors.decode("utf-8", "replace")
        )

    def _receive(self) -> bytes:
        """Wait for output; empty at its end."""
        while True:
            self._drain_errors()
            try:
                data = self._channel.recv(MOST_CHUNK)
            except TimeoutError:
                self._wait()
                continue
            except OSError as error:
                raise self._lost(error) from error
            if not data and not self._channel.exit_status_ready() and not self._alive():
                raise self._lost("the connection is closed")
            self._heard = time.monotonic()
            return data

    def _keep(self, data: bytes) -> None:
        self._output += data
        if not self._begun:
            start = self._output.find(self._line.mark)
            if start >= 0:
                del self._output[: start + len(self._line.mark)]
                self._begun = True
            elif len(self._output) > MOST_NOISE:
                raise self._no_answer()

    def _drain(self) -> None:
        while self._channel.recv_ready():
            self._keep(self._channel.recv(MOST_CHUNK))
        self._drain_errors()

    def _drain_errors(self) -> None:
        while self._channel.recv_stderr_ready():
            self._heard = time.monotonic()
            self._errors += self._channel.recv_stderr(1 << 16)
            del self._errors[:-MOST_ERRORS]

    def _wait(self) -> None:
        """Called when nothing came for a moment: is it time to give up?"""
        if self._stopped():
            raise fail(
                FailureCategory.CANCELLED,
                f"Cancelled before {self._where} could {self._line.name}.",
                next_step="Retry the run if you want it after all.",
            )
        if not self._alive():
            raise self._lost("the connection is closed")
        if time.monotonic() - self._heard > self._silent_seconds:
            error = command_silent(self._where, self._line.name, self._silent_seconds)
            raise InterruptedCommandError(error, self._arrived())

    def _alive(self) -> bool:
        transport = self._channel.get_transport()
        return transport is not None and transport.is_active()

    def _arrived(self) -> bytes:
        with contextlib.suppress(OSError):
            self._drain()
        return bytes(self._output) if self._begun else b""

    def _lost(self, error: object) -> InterruptedCommandError:
        return InterruptedCommandError(connection_lost(self._where, self._line.name, error), self._arrived())

    def _no_answer(self) -> FailureError:
        return fail(
            FailureCategory.CLUSTER_REFUSED,
            f"{self._where} gave no answer that can be read when it should {self._line.name}.",
            detail=bytes(self._output[:1000]).decode("utf-8", "replace"),
            next_step="Give the account a POSIX login shell (bash, zsh, dash) whose start-up files run no other.",
        )
