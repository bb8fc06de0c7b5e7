"""An embedded OMERO with accounts of its own, and clients of it; nothing here knows the rest of the site."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from sandbox.omero.server import EmbeddedOmero

PASSWORD = "secret"
#: A group of every kind that OMERO offers; alice and bob are members of all, carol owns them, dave is outside.
GROUPS = {"private": "rw----", "read-only": "rwr---", "read-annotate": "rwra--", "read-write": "rwrw--"}


def find_free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def create_accounts(server: EmbeddedOmero) -> None:
    accounts = server.accounts
    with server.store.transaction():
        groups = [accounts.create_group(name, permissions) for name, permissions in GROUPS.items()]
        outside = accounts.create_group("outside", "rwra--")
        for name in ("alice", "bob"):
            accounts.create_user(name, PASSWORD, name.title(), "Archer", groups)
        carol = accounts.create_user("carol", PASSWORD, "Carol", "Cook", groups)
        for group in groups:
            accounts.set_leader(group, carol, True)
        accounts.create_user("dave", PASSWORD, "Dave", "Dyer", [outside])
        accounts.create_user("importer", PASSWORD, "Im", "Porter", [outside], admin=True)


def connect(server: EmbeddedOmero, user: str, group: str | None = None, password: str = PASSWORD) -> BlitzGateway:
    """A BlitzGateway that is logged in over tcp. Fails the test where the login is refused."""
    gateway = BlitzGateway(user, password, host=f"tcp://127.0.0.1:{server.tcp_port}", group=group)
    assert gateway.connect(), gateway.getLastError()
    return gateway


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedOmero]:
    home = tmp_path_factory.mktemp("embedded-omero")
    with EmbeddedOmero(home, ssl_port=find_free_port(), tcp_port=find_free_port()) as running:
        create_accounts(running)
        yield running


Login = Callable[..., BlitzGateway]


@pytest.fixture
def login(server: EmbeddedOmero) -> Iterator[Login]:
    """`login("alice", "private")`: a gateway that is closed after the test."""
    opened: list[BlitzGateway] = []

    def log_in(user: str, group: str | None = None, password: str = PASSWORD) -> BlitzGateway:
        opened.append(connect(server, user, group, password))
        return opened[-1]

    yield log_in
    for gateway in opened:
        gateway.close()


@pytest.fixture
def omero_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An OMERODIR as the omero command wants one, and a place for its session files."""
    for folder in ("var", "etc/grid", "user"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("OMERODIR", str(tmp_path))
    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path / "user"))
    return tmp_path
