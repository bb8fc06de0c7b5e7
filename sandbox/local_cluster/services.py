"""The two services of the local cluster: the queue, and the login."""

from __future__ import annotations

from sandbox.cluster.ssh_keys import host_key, user_key
from sandbox.local_cluster.place import LocalPlace, account
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home
from sandbox.site.service import NotAvailable, Service, Unhealthy, check_greeting, python


class LocalService(Service):
    """Where Slurm itself runs there is none of these."""

    optional = True
    start_seconds = 60.0

    def __init__(self, home: Home, addresses: Addresses) -> None:
        super().__init__(home, addresses)
        self.place = LocalPlace(home)

    def prepare(self) -> None:
        if self.addresses.local_cluster is None:
            raise NotAvailable("Slurm runs on this machine")
        self.place.make()


class LocalQueue(LocalService):
    """Runs the jobs, as children. When it dies they die with it, as on a node that loses its power."""

    name = "local-queue"
    stop_seconds = 20.0

    def command(self) -> list[str]:
        place = ("--store", str(self.place.store), "--spool", str(self.place.spool))
        marks = ("--site", str(self.home.root), "--service", self.name)
        return ["nice", *python("-m", "sandbox.local_cluster.queue", *place, *marks)]

    def check(self) -> None:
        if not self.place.store.exists():
            raise Unhealthy("it has not opened its jobs yet")


class LocalLogin(LocalService):
    """The SSH server. Commands that it started go on when it dies, as those of an sshd do."""

    name = "local-login"
    needs = ("local-queue",)

    def command(self) -> list[str]:
        host_key(self.home)
        return python(
            *("-m", "sandbox.local_cluster.login"),
            *("--port", str(self.addresses.ports["ssh"])),
            *("--account", account()),
            *("--host-key", str(self.home.secrets / "cluster-host-key")),
            *("--authorized-key", user_key(self.home).public),
            *("--folder", str(self.place.login_folder)),
            *("--programs", str(self.place.programs)),
        )

    def check(self) -> None:
        check_greeting(self.addresses.ports["ssh"], b"SSH-2.0-")
