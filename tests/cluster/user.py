"""The cluster's user: one SSH connection with the pinned host key, and Slurm's commands through it."""

from __future__ import annotations

import io
import re
import shlex
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

import paramiko

from sandbox.cluster.access import ClusterAccess


@dataclass(frozen=True)
class Answer:
    status: int
    output: str
    error: str


def connect(access: ClusterAccess, **others: object) -> paramiko.SSHClient:
    """Log in by key; `others` replace what is handed to paramiko's `connect`.

    Raises:
        paramiko.SSHException: the host key is not the pinned one, or the login was refused.
    """
    pinned = paramiko.hostkeys.HostKeyEntry.from_line(access.known_hosts)
    assert pinned is not None
    client = paramiko.SSHClient()
    client.get_host_keys().add(pinned.hostnames[0], pinned.key.get_name(), pinned.key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    # Without TCP_NODELAY each command waits 40 ms for a delayed acknowledgement.
    connection = socket.create_connection((access.host, access.port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    chosen = {
        "hostname": access.host,
        "port": access.port,
        "username": access.user,
        "pkey": paramiko.Ed25519Key.from_private_key(io.StringIO(access.private_key)),
        "allow_agent": False,
        "look_for_keys": False,
    }
    client.connect(**{**chosen, **others}, sock=connection)  # type: ignore[arg-type]
    return client


class User:
    """What the user does on the cluster."""

    def __init__(self, access: ClusterAccess) -> None:
        self.access = access
        self._client: paramiko.SSHClient | None = None

    def run(self, command: str, given: bytes = b"") -> Answer:
        """Run a command line in the user's shell; logs in again when the connection was lost."""
        if self._client is None or not self._alive(self._client):
            self._client = connect(self.access)
        channel_in, channel_out, channel_error = self._client.exec_command(command, timeout=120)
        channel_in.write(given)
        channel_in.channel.shutdown_write()
        output, error = channel_out.read().decode(), channel_error.read().decode()
        return Answer(channel_out.channel.recv_exit_status(), output, error)

    def ask(self, command: str, given: bytes = b"") -> str:
        """What a command prints, which must succeed."""
        answer = self.run(command, given)
        assert answer.status == 0, (command, answer)
        return answer.output

    def submit(self, script: str, *options: str) -> str:
        """sbatch a shell script; returns the job's id. Its output is in `~/<id>.log`."""
        chosen = ("--parsable", "--mem=50", "--output=%j.log", "--open-mode=append", *options)
        return self.ask(f"sbatch {shlex.join(chosen)}", f"#!/bin/bash\n{script}\n".encode()).strip()

    def log(self, job: str) -> str:
        return self.ask(f"cat {job}.log")

    def job(self, job: str) -> dict[str, str]:
        """What slurmctld says of a job: `JobState`, `ExitCode`, `Reason`, `Restarts`, ..."""
        said = self.ask(f"scontrol --oneliner show job {job}")
        return dict(re.findall(r"(\w+)=(\S*)", said))

    def wait_for(self, job: str, *states: str, seconds: float = 60.0) -> dict[str, str]:
        """Wait until a job is in one of the states."""
        deadline = time.monotonic() + seconds
        while (now := self.job(job))["JobState"] not in states:
            assert time.monotonic() < deadline, (
                f"{job} is {now['JobState']} ({now['Reason']}), not {' or '.join(states)}"
            )
            time.sleep(0.1)
        return now

    def wait_for_sacct(self, job: str, state: str, seconds: float = 60.0) -> str:
        """Wait until accounting has the whole record of a job, in a state; returns its exit code.

        Records come late and in parts. At first the time a job became eligible may be missing, and no
        search by name and time finds it; or its end, and then its exit code is 0:0 and it has no comment.
        """
        columns = "State,Eligible,End,ExitCode"
        deadline = time.monotonic() + seconds
        while True:
            said = self.ask(f"sacct --allocations --noheader --parsable2 --jobs={job} --format={columns}").strip()
            if re.match(rf"{state}\b", said) and "Unknown" not in said:
                return said.rpartition("|")[2]
            assert time.monotonic() < deadline, f"accounting says {said!r} of {job}, not {state}"
            time.sleep(0.2)

    def cancel(self, jobs: Iterable[str]) -> None:
        self.ask(f"scancel {' '.join(jobs)}")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    @staticmethod
    def _alive(client: paramiko.SSHClient) -> bool:
        transport = client.get_transport()
        return transport is not None and transport.is_active()
