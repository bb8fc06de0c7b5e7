"""What goes wrong between a worker and the cluster, as failures: the connection, and what remote commands print."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import paramiko

from contracts.failures import FailureCategory, FailureError, fail

#: What the kernel and tools say when a file system or a quota is full.
_FULL = ("no space left on device", "disk quota exceeded", "file too large")
#: Characters of what a command printed that a failure keeps.
_DETAIL = 4000


class UnpinnedHostKeyError(paramiko.SSHException):
    """The server shows a host key of a kind that is not pinned, or the host is not pinned at all."""


@dataclass(frozen=True)
class CommandResult:
    """A remote command that came to its end. `stdout` is what was not read as a stream."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")


class InterruptedCommandError(FailureError):
    """A remote command whose end nobody saw: the connection was cut, or it was silent for too long.

    `stdout` is what had arrived: a submission's reply may be in it.
    """

    def __init__(self, error: FailureError, stdout: bytes) -> None:
        super().__init__(error.failure)
        self.stdout = stdout


def cannot_connect(where: str, error: Exception, *, alive: bool) -> FailureError:
    """The failure of a connection that did not come up. `alive`: the server still talked to us when it failed."""
    if isinstance(error, paramiko.BadHostKeyException | UnpinnedHostKeyError):
        return fail(
            FailureCategory.HOST_KEY_CHANGED,
            f"{where} shows another host key than the pinned one; nothing was sent.",
            detail=str(error),
            next_step="Ask the cluster's administrators for its new key, then correct the SlurmCluster block.",
        )
    # paramiko also calls it an authentication failure when the server goes away meanwhile.
    if isinstance(error, paramiko.AuthenticationException) and alive:
        return fail(
            FailureCategory.CLUSTER_REFUSED_LOGIN,
            f"{where} does not take the account's key.",
            detail=str(error),
            next_step="Put the public key into the account's authorized_keys, or correct the SlurmCluster block.",
        )
    return fail(
        FailureCategory.CLUSTER_UNREACHABLE,
        f"{where} does not answer.",
        detail=_words(error),
        next_step="Wait for the cluster; the step is tried again by itself.",
    )


def connection_lost(where: str, doing: str, error: object) -> FailureError:
    return fail(
        FailureCategory.CLUSTER_UNREACHABLE,
        f"The connection to {where} was cut before we could {doing}.",
        detail=_words(error),
        next_step="Wait for the cluster; the step is tried again by itself.",
    )


def command_silent(where: str, doing: str, seconds: float) -> FailureError:
    return fail(
        FailureCategory.CLUSTER_UNREACHABLE,
        f"{where} was silent for {seconds:.0f} s while it should {doing}.",
        next_step="Wait for the cluster; the step is tried again by itself.",
    )


def command_failed(where: str, doing: str, result: CommandResult) -> FailureError:
    """The failure of a command that ended with a status other than 0."""
    detail = f"status {result.status}: {result.stderr.strip()}"[-_DETAIL:]
    if any(words in result.stderr.lower() for words in _FULL):
        return fail(
            FailureCategory.SCRATCH_FULL,
            f"{where} has no space left to {doing}.",
            detail=detail,
            next_step="Free space in the scratch folder, then retry the run; what arrived is kept.",
        )
    return fail(
        FailureCategory.CLUSTER_REFUSED,
        f"{where} could not {doing}.",
        detail=detail,
        next_step="Read what it printed; the account must be able to write to the scratch folder.",
    )


def scheduler_unavailable(where: str, detail: str) -> FailureError:
    return fail(
        FailureCategory.SCHEDULER_UNAVAILABLE,
        f"Slurm does not answer on {where}.",
        detail=detail[-_DETAIL:],
        next_step="Wait for Slurm's controller; the step is tried again by itself.",
    )


def not_understood(where: str, doing: str, error: ValueError, answer: str) -> FailureError:
    return fail(
        FailureCategory.CLUSTER_REFUSED,
        f"The answer of {where} to {doing} was not understood.",
        detail=f"{error}: {answer[:_DETAIL]!r}",
        next_step="Look whether the account's start-up files replace sh, find, tar or Slurm's commands.",
    )


def _words(error: object) -> str:
    if isinstance(error, socket.timeout):
        return "timed out"
    return str(error) or type(error).__name__
