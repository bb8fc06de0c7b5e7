"""A dump of Prefect's database brings everything back: runs, and what is secret in blocks, as docs/admin.md tells."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
from prefect import flow
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from sandbox.site import Site
from sandbox.site.addresses import choose_port
from sandbox.site.postgres import DATABASE, USER, binaries
from sandbox.site.prefect import every_servers
from sandbox.site.service import python

RESTORED = "prefect_restored"


@flow(name="to-be-saved")
def to_be_saved() -> None:
    """Never run: its run is only there."""


def test_a_restored_database_has_the_runs_and_the_secrets(site: Site, tmp_path: Path) -> None:
    name = f"backup-{uuid.uuid4().hex[:8]}"
    value = f"not to be read in a dump {name}"
    with use(site.prefect_api, site.prefect_auth) as client:
        Secret(value=value).save(name)
        run = client.create_flow_run(to_be_saved, name=name, tags=[name])
    dump = tmp_path / "prefect.dump"
    run_program(site, "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={DATABASE}")
    with use(site.prefect_api, site.prefect_auth) as client:
        client.delete_flow_run(run.id)
    with new_database(site):
        run_program(site, "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={RESTORED}", str(dump))
        with server_on(site, tmp_path) as address, use(address, site.prefect_auth) as client:
            found = client.read_flow_run(run.id)
            assert (found.name, found.tags) == (name, [name])
            assert Secret.load(name).get() == value


@contextmanager
def use(address: str, auth: str) -> Iterator[SyncPrefectClient]:
    with (
        temporary_settings({PREFECT_API_URL: address, PREFECT_API_AUTH_STRING: auth}),
        SyncPrefectClient(address, auth_string=auth) as client,
    ):
        yield client


def run_program(site: Site, program: str, *words: str) -> None:
    """One of PostgreSQL's own, on the site's server."""
    addresses = site.addresses
    login = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(addresses.ports["postgres"]),
        "PGUSER": USER,
        "PGPASSWORD": addresses.database_password,
    }
    done = subprocess.run(
        [str(binaries() / program), *words], env=os.environ | login, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def new_database(site: Site) -> Iterator[None]:
    port, password = site.addresses.ports["postgres"], site.addresses.database_password
    with psycopg.connect(f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {RESTORED}")
        try:
            yield
        finally:
            connection.execute(f"DROP DATABASE {RESTORED} WITH (FORCE)")


@contextmanager
def server_on(site: Site, folder: Path) -> Iterator[str]:
    """Another Prefect server, on the restored database; without what would start the restored runs again."""
    port = choose_port(None, set(site.addresses.ports.values()))
    settings = {
        **every_servers(),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": site.prefect_auth,
        "PREFECT_SERVER_DATABASE_HOST": "127.0.0.1",
        "PREFECT_SERVER_DATABASE_PORT": str(site.addresses.ports["postgres"]),
        "PREFECT_SERVER_DATABASE_USER": USER,
        "PREFECT_SERVER_DATABASE_NAME": RESTORED,
        "PREFECT_SERVER_DATABASE_PASSWORD": site.addresses.database_password,
    }
    command = python("-m", "prefect", "server", "start", "--no-services", "--host", "127.0.0.1", "--port", str(port))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/prefect/api"
    try:
        _wait(f"{address}/health", process, folder / "server.log")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    with httpx.Client(trust_env=False, timeout=10) as client:
        while process.poll() is None:
            try:
                if client.get(address).status_code == 200:
                    return
            except httpx.HTTPError:
                pass  # it does not listen yet
            time.sleep(0.2)
    raise AssertionError(log.read_text())
