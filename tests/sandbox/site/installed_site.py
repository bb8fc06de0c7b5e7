"""A site of its own services, installed as docs/admin.md tells it, beside the sandbox's OMERO and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from sandbox.site import Site
from sandbox.site.addresses import choose_port
from sandbox.site.home import write_private
from sandbox.site.postgres import USER
from sandbox.site.settings_file import render
from tests.installation import fill_in

ETC = "/etc/omero-flows"


def database_address(site: Site, name: str = "postgres") -> str:
    port = site.addresses.ports["postgres"]
    return f"postgresql://{USER}:{site.addresses.database_password}@127.0.0.1:{port}/{name}"


@contextmanager
def empty_database(site: Site, name: str) -> Iterator[None]:
    """A database for Prefect, made anew and gone afterwards."""
    with psycopg.connect(database_address(site), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield
    finally:
        with psycopg.connect(database_address(site), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def install_beside(site: Site, folder: Path, database: str) -> tuple[Path, dict[str, str]]:
    """Write `folder`/etc, which is to be /etc/omero-flows, and make `folder`/results; returns it and its environment.

    The paths in the environment that is returned are those of here, those in its file of an installation.
    """
    etc, results = folder / "etc", folder / "results"
    taken: set[int] = set()
    for _ in range(3):
        taken.add(choose_port(None, taken))
    prefect, web, front = sorted(taken)
    results.mkdir()
    environment = fill_in(
        etc,
        OMERO_HOST=site.omero_host,
        OMERO_PORT=str(site.omero_port),
        OMERO_FLOWS_STORAGE=str(site.storage),
        OMERO_FLOWS_REPOSITORY=str(site.home.omero),
        OMERO_FLOWS_RESULTS=str(results),
        PREFECT_API_URL=f"http://127.0.0.1:{prefect}/prefect/api",
        PREFECT_SERVER_API_HOST="127.0.0.1",
        PREFECT_SERVER_API_PORT=str(prefect),
        PREFECT_SERVER_DATABASE_HOST="127.0.0.1",
        PREFECT_SERVER_DATABASE_PORT=str(site.addresses.ports["postgres"]),
        PREFECT_SERVER_DATABASE_NAME=database,
        PREFECT_SERVER_DATABASE_USER=USER,
        OMERO_WEB_HOST="127.0.0.1",
        OMERO_WEB_PORT=str(web),
        FRONT_OMERO_WEB=f"127.0.0.1:{web}",
        FRONT_PORT=str(front),
        FRONT_NAME="127.0.0.1",
        FRONT_CERTIFICATE="",
        FRONT_CERTIFICATE_KEY="",
    )
    write_private(etc / "secrets" / "database-password", site.addresses.database_password + "\n")
    write_private(etc / "secrets" / "importer", site.password("importer") + "\n")
    write_private(etc / "secrets" / "forms-password", site.password("formmaster") + "\n")
    (etc / "site.toml").write_text(
        render(
            {
                "": {"result_storage": str(results)},
                "omero": {
                    "host": site.omero_host,
                    "port": site.omero_port,
                    "sudo_user": "importer",
                    "password_file": f"{ETC}/secrets/importer",
                },
                "storage": {"root": str(site.storage)},
                "storage.groups": {"lab-a": "lab-a"},
                "prefect": {
                    "api_url": environment["PREFECT_API_URL"],
                    "auth_file": f"{ETC}/secrets/prefect-auth",
                },
            }
        )
    )
    text = (etc / "environment").read_text().replace(str(etc), ETC)
    (etc / "environment").write_text(text)
    return etc, environment
