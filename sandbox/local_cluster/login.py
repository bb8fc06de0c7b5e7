"""The local cluster's login: an SSH server on loopback that admits one account by one key.

    python -m sandbox.local_cluster.login --port P --account NAME --host-key FILE --authorized-key FILE ...

It runs commands as the account that started it, in the account's folder, and nothing else: no terminal, no files over
SFTP, no forwarding. paramiko has both sides of the protocol; this is its server's (RFC 4252, 4254).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hmac
import logging
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import paramiko

log = logging.getLogger("sandbox.local_cluster")

#: Bytes that are moved at once.
BLOCK = 1 << 16
#: paramiko's own, 512 MiB, can lock up a channel that ends during a key exchange.
REKEY_BYTES = 1 << 36
#: What a client that is gone shows as.
LINE_LOST = (OSError, EOFError, paramiko.SSHException)


@dataclass(frozen=True)
class Session:
    """How a command is run: in `folder`, with `environment`."""

    account: str
    key: paramiko.PKey
    folder: Path
    environment: dict[str, str]


class Admission(paramiko.ServerInterface):
    """Who is admitted, and to what."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = hmac.compare_digest(key.asbytes(), self._session.key.asbytes())
        if username != self._session.account or not known:
            log.warning("refused a login as %r with %s", username[:64], key.get_name())
            return paramiko.AUTH_FAILED
        log.info("Accepted publickey for %s", username)
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        log.info("Starting session: command for %s", self._session.account)
        threading.Thread(target=run_command, args=(self._session, channel, command), daemon=True).start()
        return True


def run_command(session: Session, channel: paramiko.Channel, command: bytes) -> None:
    """Run one command line in a shell and move its bytes, until it has ended and all that it printed is sent.

    When the client goes away, the command's input and output are closed, as sshd does it; it is not killed.
    """
    process = subprocess.Popen(
        [b"/bin/sh", b"-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=session.folder,
        env=session.environment,
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    movers = [
        threading.Thread(target=send_output, args=(process.stdout, channel.sendall), daemon=True),
        threading.Thread(target=send_output, args=(process.stderr, channel.sendall_stderr), daemon=True),
    ]
    threading.Thread(target=receive_input, args=(channel, process.stdin), daemon=True).start()
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    code = process.wait()
    with contextlib.suppress(*LINE_LOST):
        # A command that was killed has no exit status (RFC 4254, 6.10); the client sees a channel that just closes.
        if code >= 0:
            channel.send_exit_status(code)
        channel.close()


def send_output(pipe: IO[bytes], send: Callable[[bytes], object]) -> None:
    """Hand on what a command prints. A pipe that nobody reads from any more is closed, which ends who writes to it."""
    with pipe, contextlib.suppress(*LINE_LOST):
        while data := pipe.read(BLOCK):
            send(data)


def receive_input(channel: paramiko.Channel, pipe: IO[bytes]) -> None:
    """Hand on what the client sends. What a command does not want to read any more is dropped, as sshd does it:
    else the client would wait for ever until it may send more.
    """
    with pipe:
        wanted = True
        while data := channel.recv(BLOCK):
            rest = memoryview(data)
            while wanted and len(rest):
                try:
                    rest = rest[os.write(pipe.fileno(), rest) :]
                except BrokenPipeError:
                    wanted = False


def serve(port: int, host_key: paramiko.PKey, session: Session) -> None:
    """Admit clients for as long as this process lives."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        while True:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=admit, args=(client, host_key, session), daemon=True).start()


def admit(client: socket.socket, host_key: paramiko.PKey, session: Session) -> None:
    """Shake hands with a client; its commands come through `Admission` afterwards."""
    try:
        transport = paramiko.Transport(client)
        transport.packetizer.REKEY_BYTES = REKEY_BYTES
        transport.add_server_key(host_key)
        transport.start_server(server=Admission(session))
    except LINE_LOST as error:
        # A health check reads the greeting and goes away.
        log.debug("a client went away before it had logged in: %s", error)
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--host-key", type=Path, required=True)
    parser.add_argument("--authorized-key", required=True, help="as a line of OpenSSH's authorized_keys")
    parser.add_argument("--folder", type=Path, required=True, help="where commands run")
    parser.add_argument("--programs", type=Path, required=True, help="first in their PATH")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # What paramiko tells of every client that reads a greeting and goes away is no news.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    key = paramiko.Ed25519Key(data=base64.b64decode(chosen.authorized_key.split()[1]))
    environment = {
        **os.environ,
        "PATH": f"{chosen.programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(chosen.folder),
        "USER": chosen.account,
        "LOGNAME": chosen.account,
    }
    session = Session(chosen.account, key, chosen.folder, environment)
    serve(chosen.port, paramiko.Ed25519Key.from_private_key_file(str(chosen.host_key)), session)


if __name__ == "__main__":
    main()
