"""A whole site on this machine, as tests and the command line use it: start, look, hold, kill, stop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sandbox.cluster.access import ClusterAccess, find_access
from sandbox.site import addresses as addresses_file
from sandbox.site import status as status_file
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home, default_home
from sandbox.site.prefect import Deploy, client_environment, newest_source
from sandbox.site.processes import end_all, send, wait_until_ended
from sandbox.site.service import base_environment, python
from sandbox.site.status import ServiceStatus, SiteStatus, State
from sandbox.site.supervisor import ALREADY_RUNNING, SERVICES, SITE

#: Told of every change of a service's state while the site starts, and again of those that are waited for
#: when nothing has changed for `SILENCE` seconds.
Progress = Callable[[str, ServiceStatus], None]
SILENCE = 10.0


class SiteFailed(Exception):
    """The site, or one service of it, is not what was asked for; the message ends with the log's last lines."""


class Site:
    """One site in one folder. Several may run at once; each has ports of its own.

    The supervisor is a process of its own: a site outlives the command that started it, unless
    `bound_to_me` says that it shall end with this process, however that ends.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        database: str | None = None,
        known_ports: bool = False,
        bound_to_me: bool = False,
        accounting: bool | None = None,
        min_job_age: int | None = None,
        cluster: str | None = None,
    ) -> None:
        """
        Args:
            home: the folder; default `default_home()`.
            database: "postgresql" or "sqlite"; None takes PostgreSQL where it can run. Counts at the first start.
            known_ports: ask for the same ports on every machine first (a person's own site).
            accounting: whether the cluster has slurmdbd; None: as before, and with it at the first start.
            min_job_age: seconds the cluster's slurmctld remembers an ended job; None: as before, 300 at first.
            cluster: "slurm", or "local" for the local job runner; None: as before, and at first Slurm where it can run.
        """
        self.home = Home.at(home or default_home())
        self._database = database
        self._known_ports = known_ports
        self._bound_to_me = bound_to_me
        self._accounting = accounting
        self._min_job_age = min_job_age
        self._cluster = cluster

    # ---- addresses

    @property
    def addresses(self) -> Addresses:
        """Ports, passwords, urls.

        Raises:
            SiteFailed: no site was ever started in this folder.
        """
        known = addresses_file.load(self.home)
        if known is None:
            raise SiteFailed(f"there is no site in {self.home.root}: start one with omero-flows sandbox up")
        return known

    @property
    def omero_host(self) -> str:
        return self.addresses.omero_host

    @property
    def omero_port(self) -> int:
        """OMERO's TLS port, the one clients take by default."""
        return self.addresses.ports["omero_ssl"]

    @property
    def omero_tcp(self) -> str:
        """A host for BlitzGateway and omero.client without TLS: saves the handshake in tests."""
        return f"tcp://127.0.0.1:{self.addresses.ports['omero_tcp']}"

    @property
    def prefect_api(self) -> str:
        return self.addresses.prefect_api

    @property
    def prefect_auth(self) -> str:
        """`user:password` of Prefect's API and UI."""
        return self.addresses.prefect_auth

    @property
    def web_url(self) -> str:
        return self.addresses.web_url

    @property
    def docker_socket(self) -> Path | None:
        """The container engine's socket; None where none runs."""
        status = self.status()
        docker = status.services.get("docker") if status else None
        return self.home.sockets / "docker.sock" if docker and docker.state is State.READY else None

    @property
    def cluster(self) -> ClusterAccess | None:
        """How to reach the cluster; None where it cannot run, or was not started."""
        status = self.status()
        found = [status.services[name] for name in ("sshd", "local-login") if name in status.services] if status else []
        if not found or found[0].state in (State.ABSENT, State.STOPPED):
            return None
        return find_access(self.home, self.addresses)

    @property
    def storage(self) -> Path:
        return self.home.storage

    @property
    def results(self) -> Path:
        return self.home.results

    def password(self, account: str) -> str:
        return self.addresses.passwords[account]

    def environment(self) -> dict[str, str]:
        """A whole environment for a child process that uses this site (a flow, the command line)."""
        return {**base_environment(), **client_environment(self.home, self.addresses)}

    # ---- start and stop

    def start(
        self, services: Iterable[str] | None = None, *, progress: Progress | None = None, seconds: float = 1200.0
    ) -> None:
        """Bring the site up and return when every service is ready, or absent for a reason that is told.

        A site that is up already is waited for and not touched, but that its flows are deployed again when their code
        has changed since: Prefect would refuse runs whose parameters are new to it.

        Raises:
            SiteFailed: a service failed, or dies again and again, or not all were ready in time.
        """
        self.home.make()
        child = self._spawn_supervisor(list(services or [SITE]))
        deadline = time.monotonic() + seconds
        narrator = _Narrator(progress)
        while time.monotonic() < deadline:
            ended = child.poll()
            if ended not in (None, ALREADY_RUNNING):
                raise SiteFailed(f"the supervisor ended with status {ended}\n{self.log_end('supervisor')}")
            current = self.status()
            if (
                current is None
                or not current.is_running()
                or (current.supervisor.pid != child.pid and ended != ALREADY_RUNNING)
            ):
                time.sleep(0.05)  # the status that is there was written by a supervisor of before
                continue
            narrator.look(current)
            if failed := [name for name, service in current.services.items() if _has_failed(name, service)]:
                raise SiteFailed(self._describe_failure(current, failed[0]))
            if current.is_settled():
                if ended == ALREADY_RUNNING:
                    self._deploy_what_changed(current)
                return
            time.sleep(0.05)
        waiting = [
            f"{name} ({service.state}: {service.detail})"
            for name, service in narrator.seen.items()
            if service.state not in status_file.SETTLED
        ]
        raise SiteFailed(f"not up after {seconds:.0f} s: {', '.join(waiting) or 'the supervisor'}")

    def stop(self, *, seconds: float = 60.0) -> int:
        """Take the site down and leave no process of it, also after a kill -9 of its supervisor.

        Returns:
            how many processes had been left by a supervisor that died.
        """
        current = self.status()
        if current is not None and current.is_running():
            send(current.supervisor, signal.SIGTERM)
            if wait_until_ended([current.supervisor], seconds):
                send(current.supervisor, signal.SIGKILL)
                wait_until_ended([current.supervisor], 5.0)
        left = end_all(self.home.root)
        if known := addresses_file.load(self.home):
            for service in SERVICES.values():
                service(self.home, known).clean_up()
        return left

    # ---- one service

    def status(self) -> SiteStatus | None:
        """What is known about the services now; None before the first start."""
        return status_file.read(self.home)

    def kill(self, service: str) -> None:
        """kill -9 the service's process and return when the supervisor knows. It starts it again by itself.

        Raises:
            SiteFailed: it has no living process.
        """
        before = self._service(service)
        if before.process is None:
            raise SiteFailed(f"{service} has no process to kill: it is {before.state}")
        send(before.process, signal.SIGKILL)
        # Until then its state still says ready, and whoever waits for that next would not wait at all.
        self.wait_until(service, lambda status: status.restarts > before.restarts, 30.0)

    def hold(self, service: str, *, kill: bool = False, seconds: float = 30.0) -> None:
        """Take one service down and keep it down until `release`; `kill` does it with SIGKILL."""
        current = self._service(service)
        self.home.held(service).touch()
        if kill and current.process is not None:
            send(current.process, signal.SIGKILL)
        self.wait_until(service, lambda status: status.state is State.HELD, seconds)

    def release(self, service: str, *, seconds: float = 60.0) -> None:
        """Let a held service start again, and wait until it is ready."""
        self.home.held(service).unlink(missing_ok=True)
        self.wait_until_ready(service, seconds=seconds)

    def restart(self, service: str, *, seconds: float = 60.0) -> None:
        """Stop the service, start it again, wait until it is ready."""
        self.hold(service, seconds=seconds)
        self.release(service, seconds=seconds)

    def wait_until_ready(self, service: str, *, seconds: float = 60.0) -> None:
        """
        Raises:
            SiteFailed: it is not ready in time.
        """
        self.wait_until(service, lambda status: status.state in (State.READY, State.DONE), seconds)

    def wait_until(self, name: str, reached: Callable[[ServiceStatus], bool], seconds: float) -> None:
        """Wait until the service's status is as asked for.

        Raises:
            SiteFailed: it is not in time; the message says what it is, with the log's end.
        """
        deadline = time.monotonic() + seconds
        while not reached(self._service(name)):
            if time.monotonic() > deadline:
                now = self._service(name)
                raise SiteFailed(f"{name} is {now.state} ({now.detail}) after {seconds:.0f} s\n{self.log_end(name)}")
            time.sleep(0.05)

    def log_end(self, service: str, lines: int = 25) -> str:
        """The last lines of a service's log."""
        try:
            text = self.home.log(service).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return f"(no log {self.home.log(service)})"
        return "\n".join(text.splitlines()[-lines:])

    # ---- within

    def _deploy_what_changed(self, current: SiteStatus) -> None:
        deployed = current.services.get(Deploy.name)
        if deployed is not None and deployed.state is State.DONE and deployed.since < newest_source():
            self.restart(Deploy.name, seconds=Deploy.start_seconds)

    def _spawn_supervisor(self, services: list[str]) -> subprocess.Popen[bytes]:
        command = python("-m", "sandbox.site", "--home", str(self.home.root), "--services", ",".join(services))
        if self._database is not None:
            command += ["--database", self._database]
        if self._known_ports:
            command += ["--known-ports"]
        if self._accounting is not None:
            command += ["--accounting" if self._accounting else "--no-accounting"]
        if self._min_job_age is not None:
            command += ["--min-job-age", str(self._min_job_age)]
        if self._cluster is not None:
            command += ["--cluster", self._cluster]
        if self._bound_to_me:
            command += ["--owner", str(os.getpid())]
        with self.home.log("supervisor").open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.home.root,
                env=base_environment(),
                start_new_session=True,
            )

    def _service(self, name: str) -> ServiceStatus:
        current = self.status()
        if current is None or name not in current.services:
            raise SiteFailed(f"the site in {self.home.root} has no service {name}")
        return current.services[name]

    def _describe_failure(self, current: SiteStatus, name: str) -> str:
        service = current.services[name]
        what = "failed" if service.state is State.FAILED else f"died {service.deaths} times"
        detail = service.detail or f"it is {service.state} now"
        return f"{name} {what}: {detail}\n{self.log_end(name)}\nwhole log: {self.home.log(name)}"


def _has_failed(name: str, service: ServiceStatus) -> bool:
    """Whether it was given up, or is ready now and then and dies again and again: nobody can use that."""
    kind = SERVICES[name]
    return service.state is State.FAILED or (not kind.optional and service.deaths >= kind.starts_allowed)


class _Narrator:
    """Tells `progress` what changed between two looks, and that nothing did when that lasts long."""

    def __init__(self, progress: Progress | None) -> None:
        self.seen: dict[str, ServiceStatus] = {}
        self._progress = progress
        self._told = time.monotonic()

    def look(self, current: SiteStatus) -> None:
        changed = [name for name, service in current.services.items() if self._is_news(name, service)]
        if not changed and time.monotonic() - self._told > SILENCE:
            changed = [name for name, service in current.services.items() if service.state not in status_file.SETTLED]
        self.seen = dict(current.services)
        for name in changed:
            self._told = time.monotonic()
            if self._progress is not None:
                self._progress(name, current.services[name])

    def _is_news(self, name: str, service: ServiceStatus) -> bool:
        before = self.seen.get(name)
        return before is None or (before.state, before.detail) != (service.state, service.detail)
