"""When sessions end: idle, old, closed, or their client killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import Glacier2
import Ice
import omero
import pytest
from omero.gateway import BlitzGateway

from sandbox.omero.server import EmbeddedOmero
from tests.sandbox.omero_server.conftest import PASSWORD, Login

#: How long anything here may take, in seconds; no test waits for it unless it fails.
PATIENCE = 30


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize(("live", "idle"), [(300, 0), (0, 300)], ids=["too old", "too long idle"])
def test_a_session_expires(live: int, idle: int, login: Login, server: EmbeddedOmero) -> None:
    principal = omero.sys.Principal(name="alice", group="private", eventType="User")
    service = login("importer").c.sf.getSessionService()
    uuid = service.createSessionWithTimeouts(principal, live, idle).uuid.val
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    client.joinSession(uuid)
    query = client.sf.getQueryService()
    wait_until(lambda: server.sessions.find(uuid) is None, "the session's end")
    with pytest.raises(Ice.ObjectNotExistException):
        query.find("Experimenter", 0)
    again = BlitzGateway(host=f"tcp://127.0.0.1:{server.tcp_port}")
    assert not again.connect(sUuid=uuid)
    client.__del__()


def test_a_used_session_does_not_go_idle(login: Login, server: EmbeddedOmero) -> None:
    principal = omero.sys.Principal(name="alice", group="private", eventType="User")
    uuid = login("importer").c.sf.getSessionService().createSessionWithTimeouts(principal, 0, 1000).uuid.val
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    client.joinSession(uuid)
    service = client.sf.getQueryService()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        service.find("Experimenter", 0)
        time.sleep(0.1)
    assert server.sessions.find(uuid) is not None
    client.closeSession()


def test_closing_counts_references_down(server: EmbeddedOmero) -> None:
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    factory = client.createSession("alice", PASSWORD)
    uuid = client.getSessionId()
    other = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    other.joinSession(uuid)
    assert factory.getSessionService().getReferenceCount(uuid) == 2
    other.closeSession()
    assert factory.getSessionService().getReferenceCount(uuid) == 1
    client.closeSession()
    assert server.sessions.find(uuid) is None


def test_a_detached_client_leaves_its_session(server: EmbeddedOmero) -> None:
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    client.createSession("alice", PASSWORD).detachOnDestroy()
    uuid = client.getSessionId()
    client.closeSession()
    again = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    again.joinSession(uuid)
    service = again.sf.getSessionService()
    session = service.getSession(uuid)
    assert service.closeSession(session) == 1  # what the detached client left
    assert service.closeSession(session) == -2
    assert server.sessions.find(uuid) is None
    again.__del__()


def test_another_users_session_is_not_closed(login: Login) -> None:
    alice, bob = login("alice"), login("bob")
    with pytest.raises(omero.SecurityViolation):
        bob.c.sf.getSessionService().closeSession(alice.getSession())
    assert alice.keepAlive()


CLIENT = """
import sys, time, omero
client = omero.client(sys.argv[1])
client.createSession("alice", sys.argv[2])
print(client.getSessionId(), flush=True)
time.sleep(600)
"""


def test_a_killed_clients_session_goes(server: EmbeddedOmero) -> None:
    address = f"tcp://127.0.0.1:{server.tcp_port}"
    client = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CLIENT, address, PASSWORD], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    uuid = client.stdout.readline().strip()
    assert server.sessions.find(uuid) is not None
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    wait_until(lambda: server.sessions.find(uuid) is None, "the end of a killed client's session")


def test_leaving_twice_is_an_error(server: EmbeddedOmero) -> None:
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    client.createSession("alice", PASSWORD)
    router = client.getRouter(client.getCommunicator())
    router.destroySession()
    with pytest.raises(Glacier2.SessionNotExistException):
        router.destroySession()
    client.__del__()
