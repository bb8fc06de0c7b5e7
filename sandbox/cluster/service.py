"""What the cluster's services have in common: they run inside its machine, and are absent together."""

from __future__ import annotations

import subprocess
from abc import abstractmethod

from sandbox.cluster.machine import Machine, why_not
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home
from sandbox.site.service import NotAvailable, Service, Unhealthy


class ClusterService(Service):
    """A daemon inside the machine. Where the machine cannot be made, the site says why and goes on without a cluster.

    Attributes:
        contained: in a process namespace of its own (see `Machine.enter`); then `stop_signal` is SIGKILL.
    """

    optional = True
    start_seconds = 30.0
    contained = False

    def __init__(self, home: Home, addresses: Addresses) -> None:
        super().__init__(home, addresses)
        self.machine = Machine(home)

    def prepare(self) -> None:
        if reason := why_not():
            raise NotAvailable(reason)

    def command(self) -> list[str]:
        return self.machine.enter(self.daemon(), contained=self.contained)

    @abstractmethod
    def daemon(self) -> list[str]:
        """The program inside and its arguments, in the foreground, with its log on standard error."""

    def ask(self, *command: str, seconds: float = 10.0) -> str:
        """What a command inside prints, run as root.

        Raises:
            Unhealthy: it failed, or did not end in time.
        """
        try:
            answer = self.machine.ask(*command, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            raise Unhealthy(f"{command[0]} got no answer in {error.timeout:.0f} s") from error
        if answer.returncode:
            said = (answer.stderr or answer.stdout).strip()
            raise Unhealthy(f"{command[0]} ended with status {answer.returncode}: {said}")
        return answer.stdout
