"""The cluster's login node: sshd, which admits one unprivileged user by key."""

from __future__ import annotations

import signal

from sandbox.cluster.service import ClusterService
from sandbox.site.service import check_greeting


class Sshd(ClusterService):
    """OpenSSH's server on a loopback port. When it ends, every session ends with it, and what they started."""

    name = "sshd"
    contained = True
    stop_signal = signal.SIGKILL

    def daemon(self) -> list[str]:
        # -D: in the foreground, -e: log to standard error. The absolute path is needed: it runs itself again.
        return ["/usr/sbin/sshd", "-D", "-e"]

    def check(self) -> None:
        check_greeting(self.addresses.ports["ssh"], b"SSH-2.0-")
