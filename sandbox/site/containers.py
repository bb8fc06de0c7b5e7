"""A Docker engine of the site's own, for converter containers: Debian's docker.io, private folders and socket."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

from sandbox.site.home import write_private
from sandbox.site.service import NotAvailable, Service, Unhealthy


class Docker(Service):
    """dockerd with its own data, run folder and socket; no bridge and no iptables, because converters have no network.

    Where it cannot run (not root, no cgroups, not installed) the site says so and goes on: orders are then
    converted by the built-in converters in a child process.
    """

    name = "docker"
    start_seconds = 30.0
    stop_seconds = 20.0
    starts_allowed = 2
    optional = True

    @property
    def socket(self) -> Path:
        return self.home.sockets / "docker.sock"

    def prepare(self) -> None:
        if os.getuid() != 0:
            raise NotAvailable("dockerd needs root: the built-in converters are used instead")
        if shutil.which("dockerd") is None:
            raise NotAvailable("dockerd is not installed (apt-get install docker.io): the built-in converters are used")
        self.home.sockets.mkdir(parents=True, exist_ok=True)
        self.home.sockets.parent.chmod(0o700)
        settings = {
            "data-root": str(self.home.containers / "data"),
            "exec-root": str(self.home.sockets / "exec"),
            "pidfile": str(self.home.sockets / "docker.pid"),
            "hosts": [f"unix://{self.socket}"],
            "iptables": False,
            "ip6tables": False,
            "bridge": "none",
            "log-level": "warn",
            "storage-driver": "overlay2",
        }
        write_private(self.home.containers / "daemon.json", json.dumps(settings, indent=2) + "\n")

    def clean_up(self) -> None:
        """A killed dockerd leaves its data folder mounted on itself, and its sockets."""
        places = (f"{self.home.containers}/", f"{self.home.sockets}/")
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in reversed([mount for mount in mounts if f"{mount}/".startswith(places)]):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        shutil.rmtree(self.home.sockets, ignore_errors=True)

    def command(self) -> list[str]:
        return ["dockerd", "--config-file", str(self.home.containers / "daemon.json")]

    def check(self) -> None:
        """Docker's API: GET /_ping answers OK."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                answer = connection.recv(4096)
        except OSError as error:
            raise Unhealthy(f"{self.socket} does not answer: {error}") from error
        if b" 200 " not in answer.split(b"\r\n", 1)[0]:
            raise Unhealthy(f"{self.socket} answered {answer[:80]!r}")
