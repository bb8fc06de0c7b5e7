"""What a test does on the cluster beside the code it tests: as the account, in its shell."""

from __future__ import annotations

import shlex
import time
from uuid import UUID

from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection

#: A container command for tests: the image is a bash script that finds the folders in its environment.
RUN_AS_SCRIPT = (
    "env IN={in} OUT={out} GT={gt} FILES={files} WORK={work} NAME={name} [mount MOUNTED={path}] bash {image}"
)


class Login:
    """One connection, and commands in words of the shell."""

    def __init__(self, slurm: SlurmCluster, connection: SshConnection) -> None:
        self.slurm = slurm
        self.connection = connection

    def ask(self, script: str, given: bytes = b"") -> str:
        """What a script prints, which must succeed."""
        return self.connection.run(RemoteScript("do what the test says", script), stdin=given).text.strip()

    def wait_until(self, condition: str, seconds: float = 120.0) -> None:
        """Look again and again, on the cluster, until a condition of the shell holds."""
        deadline = time.monotonic() + seconds
        while self.ask(f"if {condition}; then echo yes; fi") != "yes":
            assert time.monotonic() < deadline, f"not so after {seconds:.0f} s: {condition}"
            time.sleep(0.2)

    def install(self, name: str, script: str) -> str:
        """Put a workflow (a bash script) where container images are; its name there."""
        self.ask(f"mkdir -p {self.slurm.images}; cat > {self.slurm.images}/{name}", script.encode())
        return name

    def install_program(self, folder: str, name: str, script: str) -> None:
        """Put a program into a folder that comes first in PATH, in the place of one of Slurm's."""
        place = shlex.quote(f"{folder}/{name}")
        self.ask(f"mkdir -p {shlex.quote(folder)}; cat > {place}; chmod +x {place}", script.encode())

    def folder(self, token: UUID) -> str:
        return self.slurm.folder(token)

    def jobs(self, token: UUID) -> list[str]:
        """The numbers of all jobs of a run that the controller knows, ended ones too."""
        return sorted(set(self.ask(f"squeue --noheader --states=all --name={token} --format=%F").split()))
