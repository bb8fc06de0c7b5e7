"""A site starts, notices dead services, and leaves no process behind, however its supervisor ends.

Only PostgreSQL is started: what is tested is the supervisor, and every service goes the same way through it.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox.site import Site, SiteFailed
from sandbox.site.postgres import DATABASE, USER
from sandbox.site.processes import find_marked, wait_until_ended
from sandbox.site.status import ServiceStatus, State


def ask_database(site: Site, query: str) -> object:
    addresses = site.addresses
    with psycopg.connect(
        host="127.0.0.1",
        port=addresses.ports["postgres"],
        user=USER,
        password=addresses.database_password,
        dbname=DATABASE,
        autocommit=True,
    ) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None


@pytest.fixture
def small_site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "home", bound_to_me=True)
    site.start(["postgres"])
    yield site
    site.stop()


def test_a_service_that_was_ready_is_started_again_however_often_it_dies(small_site: Site) -> None:
    for _ in range(5):
        small_site.wait_until_ready("postgres")
        small_site.kill("postgres")
    with pytest.raises(SiteFailed, match="postgres died 5 times"):
        small_site.start(["postgres"])  # whoever waits for the site learns what it is worth in between
    small_site.wait_until_ready("postgres")
    assert ask_database(small_site, "SELECT 1") == (1,)


def test_start_tells_each_step_and_stop_leaves_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path / "home", bound_to_me=True)
    told: list[tuple[str, State]] = []

    def note(name: str, status: ServiceStatus) -> None:
        told.append((name, status.state))

    site.start(["postgres"], progress=note)
    assert told[-1] == ("postgres", State.READY)
    assert ask_database(site, "SELECT 1") == (1,)

    assert site.stop() == 0, "a supervisor that ends in peace leaves nothing to end"
    assert find_marked(site.home.root) == []
    after = site.status()
    assert after is not None
    assert after.services["postgres"].state is State.STOPPED
    assert not after.is_running()


def test_a_second_start_finds_the_same_site(small_site: Site) -> None:
    before = small_site.status()
    Site(small_site.home.root).start(["postgres"])
    after = small_site.status()
    assert before is not None and after is not None
    assert after.supervisor == before.supervisor
    assert after.services["postgres"].process == before.services["postgres"].process


def test_data_ports_and_passwords_stay_over_a_restart(small_site: Site) -> None:
    before = small_site.addresses
    ask_database(small_site, "CREATE TABLE kept (word text)")
    small_site.stop()
    small_site.start(["postgres"])
    assert small_site.addresses == before
    assert ask_database(small_site, "SELECT count(*) FROM kept") == (0,)


def test_a_dead_process_is_noticed_and_started_again(small_site: Site) -> None:
    before = small_site.status()
    small_site.kill("postgres")
    dead = small_site.status()
    assert before is not None and dead is not None
    assert dead.services["postgres"].process != before.services["postgres"].process, "a dead process is never shown"

    small_site.wait_until("postgres", lambda status: status.restarts == 1 and status.state is State.READY, 30.0)
    assert ask_database(small_site, "SELECT 1") == (1,)


def test_a_held_service_stays_down_until_it_is_released(small_site: Site) -> None:
    small_site.hold("postgres", kill=True)
    with pytest.raises(psycopg.OperationalError):
        ask_database(small_site, "SELECT 1")
    assert find_marked(small_site.home.root, "postgres") == []
    small_site.release("postgres")
    assert ask_database(small_site, "SELECT 1") == (1,)


def test_kill_9_of_the_supervisor_leaves_nothing_after_stop(small_site: Site) -> None:
    current = small_site.status()
    assert current is not None
    os.kill(current.supervisor.pid, signal.SIGKILL)
    wait_until_ended([current.supervisor], 5.0)
    assert find_marked(small_site.home.root), "the service outlives its supervisor: this is what has to be cleaned up"

    assert small_site.stop() > 0
    assert find_marked(small_site.home.root) == []


def test_start_after_kill_9_of_the_supervisor_replaces_what_was_left(small_site: Site) -> None:
    before = small_site.status()
    assert before is not None
    os.kill(before.supervisor.pid, signal.SIGKILL)
    wait_until_ended([before.supervisor], 5.0)

    small_site.start(["postgres"])
    after = small_site.status()
    assert after is not None
    assert after.services["postgres"].process != before.services["postgres"].process
    assert ask_database(small_site, "SELECT 1") == (1,)


def test_two_sites_at_once_share_nothing(small_site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other", bound_to_me=True)
    other.start(["postgres"])
    try:
        assert not set(small_site.addresses.ports.values()) & set(other.addresses.ports.values())
        assert not set(small_site.addresses.passwords.values()) & set(other.addresses.passwords.values())
        other.stop()
        assert ask_database(small_site, "SELECT 1") == (1,), "stopping one site must not touch the other"
    finally:
        other.stop()


def test_a_site_ends_with_the_process_it_is_bound_to(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = (
        "import os, pathlib, signal; from sandbox.site import Site\n"
        f"Site(pathlib.Path({str(home)!r}), bound_to_me=True).start(['postgres'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program])
    assert ended.returncode == -signal.SIGKILL

    status = Site(home).status()
    assert status is not None
    assert wait_until_ended([status.supervisor], 30.0) == []
    assert find_marked(home) == []


def test_a_service_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    site = Site(tmp_path / "home", bound_to_me=True)
    site.start(["postgres"])
    site.stop()
    (site.home.postgres / "data" / "postgresql.conf").write_text("no such setting\n")
    try:
        with pytest.raises(SiteFailed, match=r"(?s)postgres failed: .*syntax error"):
            site.start(["postgres"], seconds=120.0)
    finally:
        site.stop()
    assert find_marked(site.home.root) == []


def test_secrets_are_readable_by_their_owner_alone(small_site: Site) -> None:
    home = small_site.home
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    for secret in (home.site_file, home.settings_file, *home.secrets.iterdir()):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret
