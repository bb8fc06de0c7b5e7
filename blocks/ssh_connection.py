"""One SSH connection to a cluster's login node, for one step of a run.

paramiko leaves Nagle's algorithm on, which costs 44 ms a command against a server with delayed acknowledgements, and
prefers a cipher that is half as fast as AES-GCM: both are set here.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any, Self

import paramiko

from blocks.remote_command import RemoteScript, command
from blocks.ssh_failures import CommandResult, UnpinnedHostKeyError, cannot_connect, command_failed, connection_lost
from blocks.ssh_keys import read_known_hosts, read_private_key
from blocks.ssh_stream import RemoteStream, Stopped, never

#: Seconds for the TCP connection, the banner, and the login, each.
CONNECT_SECONDS = 20.0
#: Seconds after which a peer that acknowledges nothing is taken for dead.
DEAD_SECONDS = 60
#: Seconds a command may be silent unless its caller says otherwise.
SILENT_SECONDS = 120.0
#: Bytes under one key, as OpenSSH has it for ciphers with blocks of 16 bytes (RFC 4344, 3.2).
REKEY_BYTES = 1 << 36
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")


@dataclass(frozen=True)
class SshTarget:
    """Whom to connect to, and how. `known_hosts`: lines of OpenSSH's format with the pinned keys.

    `slurm_folder`: where Slurm's commands are, when they are not in the account's PATH.
    """

    host: str
    port: int
    user: str
    private_key: str = field(repr=False)
    known_hosts: str
    slurm_folder: str = ""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class SshConnection:
    """Use as a context manager: it logs in, and out at the end. `commands` counts what was sent over it.

    Not for use by several threads.
    """

    def __init__(self, target: SshTarget, *, stopped: Stopped = never) -> None:
        self.target = target
        self.commands = 0
        self._stopped = stopped
        self._client: paramiko.SSHClient | None = None

    def __enter__(self) -> Self:
        """Log in.

        Raises:
            FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED_LOGIN, HOST_KEY_CHANGED, NOT_CONFIGURED.
        """
        key, pinned = read_private_key(self.target.private_key), read_known_hosts(self.target.known_hosts)
        client = paramiko.SSHClient()
        client.get_host_keys().update(pinned)
        client.set_missing_host_key_policy(_Pinned())
        try:
            client.connect(
                self.target.host,
                self.target.port,
                self.target.user,
                pkey=key,
                sock=_connected_socket(self.target),
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
                channel_timeout=CONNECT_SECONDS,
                allow_agent=False,
                look_for_keys=False,
                transport_factory=_transport,
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport = client.get_transport()
            alive = transport is not None and transport.is_active()
            client.close()
            raise cannot_connect(str(self.target), error, alive=alive) from error
        self._client = client
        return self

    def __exit__(self, *exception: object) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def run(
        self,
        script: RemoteScript,
        *arguments: str,
        stdin: bytes = b"",
        silent_seconds: float = SILENT_SECONDS,
        check: bool = True,
    ) -> CommandResult:
        """Run a script to its end and keep what it prints. With `check`, a status other than 0 is a failure.

        Raises:
            InterruptedCommandError: the connection was cut or the command silent; it has what had arrived.
            FailureError: CLUSTER_UNREACHABLE, CANCELLED; with `check` SCRATCH_FULL, CLUSTER_REFUSED.
        """
        with self.stream(script, *arguments, silent_seconds=silent_seconds) as stream:
            stream.write(stdin)
            result = stream.finish()
        if check and result.status != 0:
            raise command_failed(str(self.target), script.name, result)
        return result

    def stream(self, script: RemoteScript, *arguments: str, silent_seconds: float = SILENT_SECONDS) -> RemoteStream:
        """Start a script whose input or output is a stream.

        Raises:
            FailureError: CLUSTER_UNREACHABLE.
        """
        line = command(script, *arguments, slurm_folder=self.target.slurm_folder)
        transport = None if self._client is None else self._client.get_transport()
        if transport is None or not transport.is_active():
            raise connection_lost(str(self.target), script.name, "the connection is closed")
        self.commands += 1
        try:
            channel = transport.open_session(timeout=CONNECT_SECONDS)
            channel.exec_command(line.line)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise connection_lost(str(self.target), script.name, error) from error
        return RemoteStream(channel, line, str(self.target), silent_seconds, self._stopped)


class _Pinned(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnpinnedHostKeyError(f"{hostname} shows {key.get_name()} {key.fingerprint}, which is not pinned")


def _connected_socket(target: SshTarget) -> socket.socket:
    """A TCP connection that sends at once and notices a dead peer.

    Raises:
        FailureError: CLUSTER_UNREACHABLE.
    """
    try:
        connected = socket.create_connection((target.host, target.port), CONNECT_SECONDS)
    except OSError as error:
        raise cannot_connect(str(target), error, alive=False) from error
    for level, option, value in (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, DEAD_SECONDS // 2),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, DEAD_SECONDS // 6),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_SECONDS * 1000),
    ):
        connected.setsockopt(level, option, value)
    return connected


def _transport(*arguments: Any, **named: Any) -> paramiko.Transport:
    transport = paramiko.Transport(*arguments, **named)
    options = transport.get_security_options()
    options.ciphers = [cipher for cipher in _CIPHERS if cipher in options.ciphers]
    # One every 512 MiB is paramiko's own; it locks up for 30 s if a key exchange and the end of a channel coincide.
    transport.packetizer.REKEY_BYTES = REKEY_BYTES
    transport.set_keepalive(DEAD_SECONDS // 2)
    return transport
