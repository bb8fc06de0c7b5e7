"""The one process that keeps a site up, in the foreground: `python -m sandbox.site`. Others watch its status file."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from sandbox.cluster.accounting import MariaDb, Slurmdbd
from sandbox.cluster.login import Sshd
from sandbox.cluster.machine import why_not as why_no_cluster
from sandbox.cluster.preparation import prepare_cluster
from sandbox.cluster.registry import Workflows
from sandbox.cluster.slurm import NODES, Munge, Slurmctld
from sandbox.local_cluster.services import LocalLogin, LocalQueue
from sandbox.site import status
from sandbox.site.addresses import Addresses, prepare
from sandbox.site.containers import Docker
from sandbox.site.forms import ExampleForms
from sandbox.site.home import Home
from sandbox.site.nginx import Nginx
from sandbox.site.nginx import find_program as find_nginx
from sandbox.site.omero import Omero
from sandbox.site.postgres import Postgres, why_not
from sandbox.site.prefect import AnalysisWorker, Deploy, Housekeeper, PrefectServer, Worker
from sandbox.site.processes import Process, end_all, find_process, is_alive
from sandbox.site.runner import Runner
from sandbox.site.service import Service
from sandbox.site.settings_file import write_settings
from sandbox.site.status import ServiceStatus, SiteStatus
from sandbox.site.web import Web

log = logging.getLogger("sandbox.site")

#: Every service of a site, in the order they are shown.
_SITE: tuple[type[Service], ...] = (
    Postgres,
    PrefectServer,
    Omero,
    ExampleForms,
    Web,
    Nginx,
    Docker,
    Deploy,
    Worker,
    AnalysisWorker,
    Housekeeper,
)
_SLURM: tuple[type[Service], ...] = (Munge, MariaDb, Slurmdbd, Slurmctld, *NODES, Sshd)
_LOCAL: tuple[type[Service], ...] = (LocalQueue, LocalLogin)
_ALL: tuple[type[Service], ...] = (*_SITE, *_SLURM, *_LOCAL, Workflows)
SERVICES: dict[str, type[Service]] = {service.name: service for service in _ALL}

#: Names for several services at once: the whole site, and its cluster, whatever that is.
SITE, CLUSTER = "site", "slurm"

#: Exit status when another supervisor has the site.
ALREADY_RUNNING = 75


class UnknownService(Exception):
    """A name that is no service of a site."""


class AlreadyRunning(Exception):
    """Another supervisor holds the site's lock."""


def choose_services(names: Iterable[str], home: Home, addresses: Addresses) -> dict[str, Service]:
    """The named services or bundles and all they need, in the order of `SERVICES`.

    A site has either Slurm's services or the local cluster's.

    Raises:
        UnknownService: one of the names is none of this site's.
    """
    cluster, absent = (_SLURM, _LOCAL) if addresses.local_cluster is None else (_LOCAL, _SLURM)
    bundles = {
        SITE: tuple(service.name for service in _ALL if service not in absent),
        CLUSTER: tuple(service.name for service in cluster if service in (*NODES, Sshd, LocalLogin)),
    }
    known = {*bundles[SITE], *bundles}
    wanted: dict[str, Service] = {}
    left = list(names)
    while left:
        name = left.pop()
        if name not in known:
            raise UnknownService(f"{name!r} is no service of this site; there are {', '.join(sorted(known))}")
        if name in bundles:
            left.extend(bundles[name])
            continue
        if name not in wanted:
            wanted[name] = SERVICES[name](home, addresses)
            left.extend(wanted[name].needs)
    return {name: wanted[name] for name in SERVICES if name in wanted}


def lock_site(home: Home) -> int:
    """Take the site's lock for as long as this process lives.

    Raises:
        AlreadyRunning: another process has it.
    """
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning(f"another process keeps the site in {home.root} up") from None
    return descriptor


class Supervisor:
    """Starts the services side by side, each as soon as what it needs is ready, and stops them in reverse."""

    def __init__(self, home: Home, services: dict[str, Service], owner: Process | None) -> None:
        itself = find_process(os.getpid())
        assert itself is not None
        self.home = home
        self.owner = owner
        self._itself = itself
        self._runners = {name: Runner(service, self._find_status, self._changed) for name, service in services.items()}
        self._writing = threading.Lock()
        self._stop = threading.Event()

    def run(self) -> None:
        """Until SIGTERM or SIGINT, or until the owner (the test run that wanted the site) is gone."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        for runner in self._runners.values():
            runner.start()
        while not self._stop.wait(0.5):
            if self.owner is not None and not is_alive(self.owner):
                log.info("the process %d this site was started for is gone: stopping", self.owner.pid)
                break
        self._stop_services()

    def _stop_services(self) -> None:
        """Those that nothing running needs, first; then those they needed."""
        left = dict(self._runners)
        while left:
            needed = {need for runner in left.values() for need in runner.service.needs}
            free = [name for name in left if name not in needed]
            for name in free:
                left[name].request_stop()
            for name in free:
                left.pop(name).join()
        ended = end_all(self.home.root)
        if ended:
            log.info("%d processes were left by the services and were ended", ended)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()

    def _find_status(self, name: str) -> ServiceStatus | None:
        runner = self._runners.get(name)
        return None if runner is None else runner.status

    def _changed(self) -> None:
        with self._writing:
            statuses = {name: runner.status for name, runner in self._runners.items()}
            status.write(self.home, SiteStatus(self._itself, statuses))


def supervise(
    root: Path,
    services: Iterable[str],
    *,
    database: str | None,
    known_ports: bool,
    owner_pid: int | None,
    accounting: bool | None = None,
    min_job_age: int | None = None,
    cluster: str | None = None,
) -> None:
    """Keep the site in `root` up until told to stop.

    Raises:
        AlreadyRunning: somebody does already.
        UnknownService: a name that is no service.
    """
    # Secrets are written with their own modes. The cluster's user must be able to read the rest, such as job
    # scripts and the image storage, whatever umask the person who starts the site has.
    os.umask(0o022)
    home = Home.at(root)
    home.make()
    lock = lock_site(home)
    owner = None
    if owner_pid is not None:
        owner = find_process(owner_pid)
        if owner is None:
            log.info("the process %d this site was wanted for is gone already", owner_pid)
            return
    if ended := end_all(home.root):
        log.info("%d processes of an earlier supervisor were left and were ended", ended)
    for held in home.run.glob("*.held"):
        held.unlink()
    if database is None:
        reason = why_not()
        database = "sqlite" if reason else "postgresql"
        if reason:
            log.warning("Prefect uses SQLite here, which is slower under load: %s", reason)
    addresses = prepare(
        home,
        database=database,
        prefer_known_ports=known_ports,
        has_front=find_nginx() is not None,
        accounting=accounting,
        min_job_age=min_job_age,
        cluster=cluster,
        why_no_slurm=why_no_cluster(),
    )
    if addresses.local_cluster is not None:
        log.warning("a local job runner stands for Slurm here: %s", addresses.local_cluster)
    write_settings(home, addresses, container_socket=None)
    if addresses.local_cluster is not None or why_no_cluster() is None:
        prepare_cluster(home, addresses)
    Supervisor(home, choose_services(services, home, addresses), owner).run()
    os.close(lock)
