"""The site's cluster, as flows and their peers reach it, and what its login node has done."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from pydantic import SecretStr

from blocks.slurm_cluster import SlurmCluster
from sandbox.site import Site


def slurm_cluster(site: Site) -> SlurmCluster:
    """The block.

    Raises:
        RuntimeError: the site has no cluster.
    """
    access = site.cluster
    if access is None:
        raise RuntimeError("the site has no cluster; `omero-flows sandbox status` says why")
    return SlurmCluster(
        host=access.host,
        port=access.port,
        user=access.user,
        private_key=SecretStr(access.private_key),
        known_hosts=access.known_hosts,
        scratch=access.scratch,
        images=access.containers,
        accounting=access.accounting,
    )


def bare_ssh(site: Site, *options: str) -> Sequence[str]:
    """OpenSSH's own client with its own settings, ready for a command."""
    return ("ssh", "-F", str(site.home.secrets / "cluster-ssh-config"), *options, "hpc")


class LoginNode:
    """What sshd did since this object was made: from its log, and from the kernel's account of its processes."""

    def __init__(self, site: Site) -> None:
        self._log = site.home.root / "logs" / "sshd.log"
        self._read = self._log.stat().st_size
        status = site.status()
        assert status is not None and (process := status.services["sshd"].process) is not None
        tree = psutil.Process(process.pid).children(recursive=True)
        self._listener = next(one for one in tree if "[listener]" in " ".join(one.cmdline()))
        self._written = 0
        self._written = self.bytes_written()

    def sessions(self) -> dict[int, int]:
        """How many commands each login has run, by the login's port at the client."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read)
            text = log.read()
        logins = re.findall(r"^Accepted publickey for \S+ from \S+ port (\d+)", text, re.MULTILINE)
        commands = re.findall(r"^Starting session: .* from \S+ port (\d+)", text, re.MULTILINE)
        return {int(port): commands.count(port) for port in logins}

    def bytes_written(self) -> int:
        """Bytes that commands have caused to be written to disk; waits until all have ended."""
        wait_until(lambda: not self._listener.children())
        return self._bytes_written() - self._written

    def _bytes_written(self) -> int:
        # The kernel adds what a process wrote to its parent's account when the parent has waited for it.
        account = Path(f"/proc/{self._listener.pid}/io").read_text("ascii")
        return int(re.search(r"^write_bytes: (\d+)", account, re.MULTILINE)[1])  # type: ignore[index]


def wait_until(ready: Callable[[], object], seconds: float = 600.0) -> None:
    """
    Raises:
        TimeoutError: it is not so after that long.
    """
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"not ready after {seconds:.0f} s")
        time.sleep(0.1)
