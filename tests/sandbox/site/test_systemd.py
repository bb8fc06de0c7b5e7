"""A site's systemd units under systemd: started as docs/admin.md says, and one imports an image into OMERO.

The sandbox's OMERO and PostgreSQL stand for those of a site. The account `omero-flows` is root here, to whom the
sandbox's files belong.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway

from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.chaos.brake import release_all, set_brakes, wait_until_all_reached
from tests.chaos.waiting import wait_for
from tests.installation import DEPLOYMENTS
from tests.sandbox.site.installed_site import ETC, empty_database, install_beside
from tests.systemd_machine import SystemdMachine, drop_in, systemd_machine

OPT = "/opt/omero-flows"
DATABASE = "prefect_under_systemd"
SERVICES = ("omero-flows-prefect", "omero-flows-web", "omero-flows-metrics")
METRICS = "http://127.0.0.1:9418/metrics"
WORKERS = tuple(f"omero-flows-worker@{pool}" for pool in ("imports", "analyses", "housekeeping"))

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="systemd as the first process needs root")


@dataclass(frozen=True)
class Installed:
    site: Site
    machine: SystemdMachine
    environment: dict[str, str]

    def command(self, *words: str) -> str:
        """`omero-flows`, with /etc/omero-flows/site.toml."""
        return self.machine.run(f"{OPT}/.venv/bin/python", "-m", "cli.main", *words)


@pytest.fixture(scope="module")
def installed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The units are there, nothing is started."""
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("systemd-nspawn is not installed (sandbox/install/debian_packages.sh)")
    folder = tmp_path_factory.mktemp("systemd")
    etc, environment = install_beside(site, folder, DATABASE)
    places = [str(site.storage), str(site.home.omero), environment["OMERO_FLOWS_RESULTS"]]
    shared = {PROJECT: OPT, etc: ETC} | {Path(place): place for place in places}
    with empty_database(site, DATABASE), systemd_machine(folder) as machine:
        _install(machine, places)
        machine.boot(shared)
        yield Installed(site, machine, environment)


def _install(machine: SystemdMachine, places: list[str]) -> None:
    for file, line in (("passwd", "omero-flows:x:0:0::/nonexistent:/usr/sbin/nologin"), ("group", "omero-flows:x:0:")):
        machine.write(f"/etc/{file}", Path("/etc", file).read_text("utf-8") + line + "\n")
    # The sandbox's files lie below /tmp, which each unit has for itself, and this Python perhaps in somebody's home.
    here = [f"BindPaths={place}" for place in places]
    if Path(sys.base_prefix).is_relative_to("/root") or Path(sys.base_prefix).is_relative_to("/home"):
        here.append("ProtectHome=no")
    for unit in sorted((DEPLOYMENTS / "systemd").iterdir()):
        machine.write(f"/etc/systemd/system/{unit.name}", unit.read_text("utf-8"))
        if unit.suffix == ".service":
            machine.write(f"/etc/systemd/system/{unit.name}.d/here.conf", drop_in(here))


def is_up(address: str) -> bool:
    with httpx.Client(trust_env=False, timeout=10) as client:
        try:
            return client.get(address).status_code < 500
        except httpx.TransportError:
            return False


def test_a_service_whose_environment_is_not_filled_in_stays_down_and_says_why(installed: Installed) -> None:
    machine = installed.machine
    machine.write(
        "/etc/systemd/system/omero-flows-web.service.d/placeholder.conf",
        drop_in(["Environment=", "ExecStart=", f"ExecStart=/usr/bin/env OMERO_HOST=<host> {OPT}/.venv/bin/python -m "
                 "deployments.start web"]),
    )  # fmt: skip
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "omero-flows-web")
    names = ("ActiveState", "ExecMainStatus", "NRestarts")
    wait_for(
        "it to give up",
        lambda: machine.properties("omero-flows-web", *names) == ("failed", "78", "0"),
        seconds=60,
        explain=machine.journal,
    )
    assert "OMERO_HOST" in machine.journal()
    (machine.root / "etc/systemd/system/omero-flows-web.service.d/placeholder.conf").unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "reset-failed", "omero-flows-web")


@pytest.fixture(scope="module")
def started(installed: Installed) -> Installed:
    """As docs/admin.md says."""
    machine, environment = installed.machine, installed.environment
    machine.run("systemctl", "enable", "--now", "omero-flows.target", *SERVICES, "omero-flows-front")
    for address in (environment["PREFECT_API_URL"] + "/health", f"http://{environment['FRONT_OMERO_WEB']}/flows/"):
        wait_for(address, lambda address=address: is_up(address), seconds=180, explain=machine.journal)  # type: ignore[misc]
    installed.command("deploy")
    machine.run("systemctl", "enable", "--now", *WORKERS)
    wait_for(METRICS, lambda: is_up(METRICS), seconds=60, explain=machine.journal)
    return installed


def test_a_site_is_started_as_the_guide_says(started: Installed) -> None:
    for unit in (*SERVICES, *WORKERS):
        state = started.machine.properties(unit, "ActiveState", "NRestarts")
        assert state == ("active", "0"), started.machine.journal()


def test_debians_nginx_is_the_front(started: Installed) -> None:
    machine, environment = started.machine, started.environment
    file = machine.root / "etc/nginx/conf.d/omero-flows.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (machine.root / "etc/nginx/sites-enabled/default").unlink(missing_ok=True)  # port 80 is this machine's
    machine.run("systemctl", "unmask", "nginx")  # the sandbox's set-up masks it
    machine.run("systemctl", "start", "nginx")
    front = f"http://127.0.0.1:{environment['FRONT_PORT']}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.get(f"{front}/webclient/login/").status_code == 200
        assert client.get(f"{front}/prefect/runs").status_code == 401
    machine.run("systemctl", "restart", "omero-flows-front")
    wait_for(
        "nginx to have read it",
        lambda: machine.properties("nginx", "ActiveState") == ("active",),
        seconds=60,
        explain=machine.journal,
    )


def test_an_order_goes_on_with_the_next_worker(started: Installed, order_folder: Path) -> None:
    """Its worker is started again while it is on its way, and gives it back."""
    dataset = f"Under systemd {order_folder.name}"
    machine, site, worker = started.machine, started.site, WORKERS[0]
    file = order_folder / "cells.tif"
    tifffile.imwrite(file, np.arange(48 * 64, dtype=np.uint16).reshape(48, 64))
    words = ("--as", "alice", "--group", "lab-a", "--dataset", dataset, str(file))
    brakes = set_brakes(site, ("ManagedRepository.importFileset.before",))
    started.command("import", "--detach", *words)

    wait_until_all_reached(brakes)

    def engine() -> list[str]:
        """Processes of the worker's that run a flow."""
        (group,) = machine.properties(worker, "ControlGroup")
        listed = machine.run("systemd-cgls", "--no-pager", "--full", group)
        return [line.split()[0].lstrip("├─└│ ") for line in listed.splitlines() if "prefect.engine" in line]

    (process,) = engine()
    (before,) = machine.properties(worker, "MainPID")
    machine.run("systemctl", "restart", worker)
    assert machine.properties(worker, "MainPID") != (before,)
    assert process not in engine(), machine.journal()
    assert "the runs go back to the queue" in machine.journal()
    release_all(brakes)
    wait_for("the order's end", lambda: "Completed" in started.command("runs"), explain=machine.journal, glance=1.0)
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp) as gateway:
        gateway.connect()
        (found,) = gateway.getObjects("Dataset", attributes={"name": dataset})
        assert [image.getName() for image in found.listChildren()] == [file.name]


def test_what_is_killed_is_started_again(started: Installed) -> None:
    machine = started.machine
    for unit in (SERVICES[0], WORKERS[0]):
        (before,) = machine.properties(unit, "MainPID")
        machine.run("kill", "-9", before)
        wait_for(
            f"{unit} to be back",
            lambda unit=unit: machine.properties(unit, "ActiveState", "NRestarts") == ("active", "1"),  # type: ignore[misc]
            seconds=60,
            explain=machine.journal,
        )
    wait_for("Prefect", lambda: is_up(started.environment["PREFECT_API_URL"] + "/health"), seconds=120)


def test_nothing_that_a_service_may_not_write_is_written(started: Installed) -> None:
    """Prefect's server has /var/lib/omero-flows/prefect alone."""
    (process,) = started.machine.properties(SERVICES[0], "MainPID")
    inside = ("nsenter", "--target", process, "--mount")
    for place, allowed in (("/var/lib/omero-flows/prefect", True), ("/etc", False), ("/usr", False)):
        tried = started.machine.try_run(*inside, "touch", f"{place}/tried")
        assert (tried.returncode == 0) is allowed, (place, tried.stderr)


def test_all_stops_with_the_target(started: Installed) -> None:
    machine = started.machine
    machine.run("systemctl", "stop", "omero-flows.target")
    wait_for(
        "every unit to be down",
        lambda: all(machine.properties(unit, "ActiveState") == ("inactive",) for unit in (*SERVICES, *WORKERS)),
        seconds=90,
        explain=machine.journal,
    )
