"""Logging in with the unmodified omero-py, over both transports."""

from __future__ import annotations

import Glacier2
import Ice
import omero
import pytest
from omero.gateway import BlitzGateway

from sandbox.omero.server import EmbeddedOmero
from tests.sandbox.omero_server.conftest import PASSWORD, Login


@pytest.mark.parametrize("transport", ["ssl", "tcp"])
def test_a_user_logs_in_over(transport: str, server: EmbeddedOmero) -> None:
    port = server.ssl_port if transport == "ssl" else server.tcp_port
    client = omero.client(f"{transport}://127.0.0.1:{port}")
    try:
        context = client.createSession("alice", PASSWORD).getAdminService().getEventContext()
        assert (context.userName, context.groupName, context.isAdmin) == ("alice", "private", False)
        assert str(context.groupPermissions) == "rw----"
    finally:
        client.closeSession()


def test_a_gateway_stays_on_ssl_when_it_is_asked_to(server: EmbeddedOmero) -> None:
    gateway = BlitzGateway("alice", PASSWORD, host="127.0.0.1", port=server.ssl_port, secure=True)
    assert gateway.connect(), gateway.getLastError()
    assert gateway.isSecure()
    gateway.close()


def test_an_insecure_gateway_logs_in_over_ssl_and_goes_on_over_tcp(server: EmbeddedOmero) -> None:
    gateway = BlitzGateway("alice", PASSWORD, host="127.0.0.1", port=server.ssl_port, secure=False)
    assert gateway.connect(), gateway.getLastError()
    assert not gateway.isSecure()
    assert gateway.getUser().getName() == "alice"
    gateway.close()


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_password_is_refused(user: str, password: str, server: EmbeddedOmero) -> None:
    client = omero.client(f"tcp://127.0.0.1:{server.tcp_port}")
    with pytest.raises(Glacier2.PermissionDeniedException):
        client.createSession(user, password)
    client.closeSession()


def test_the_password_is_not_in_the_home(server: EmbeddedOmero) -> None:
    assert all(PASSWORD.encode() not in path.read_bytes() for path in server.home.glob("omero.sqlite*"))


def test_a_group_is_chosen_at_login(login: Login) -> None:
    assert login("alice", "read-write").getEventContext().groupName == "read-write"


def test_a_group_of_others_is_refused_at_login(server: EmbeddedOmero) -> None:
    gateway = BlitzGateway("dave", PASSWORD, host=f"tcp://127.0.0.1:{server.tcp_port}", group="private")
    assert not gateway.connect()


def test_a_user_chooses_the_default_group(login: Login) -> None:
    admin = login("importer").getAdminService()
    carol, group = admin.lookupExperimenter("carol"), admin.lookupGroup("read-write")
    login("carol").getAdminService().setDefaultGroup(carol, group)
    assert login("carol").getEventContext().groupName == "read-write"
    assert login("importer").suConn("carol").getEventContext().groupName == "read-write"


def test_a_second_client_joins_the_session(login: Login, server: EmbeddedOmero) -> None:
    first = login("alice")
    second = BlitzGateway(host=f"tcp://127.0.0.1:{server.tcp_port}")
    assert second.connect(sUuid=first.getSession().getUuid().val)
    assert second.getUser().getName() == "alice"
    second.close(hard=False)  # a hard close ends the session for everybody
    assert first.keepAlive()


def test_a_session_belongs_to_the_connection_that_logged_in(login: Login, server: EmbeddedOmero) -> None:
    alice, bob = login("alice"), login("bob")
    stolen = bob.c.ic.stringToProxy(f"{alice.getSession().getUuid().val}/omero.api.IAdmin")
    stolen = omero.api.IAdminPrx.uncheckedCast(stolen.ice_router(bob.c.ic.getDefaultRouter()))
    with pytest.raises(Ice.ObjectNotExistException):
        stolen.getEventContext()


# ---- sudo


def test_an_administrator_works_as_a_user(login: Login) -> None:
    gateway = login("importer").suConn("alice", "read-annotate", ttl=60_000)
    context = gateway.getEventContext()
    assert (context.userName, context.groupName, context.sudoerName.val) == ("alice", "read-annotate", "importer")
    gateway.close()


def test_sudo_is_for_administrators(login: Login) -> None:
    alice = login("alice")
    assert alice.suConn("bob") is None
    principal = omero.sys.Principal(name="bob", group="private", eventType="User")
    with pytest.raises(omero.SecurityViolation):
        alice.c.sf.getSessionService().createSessionWithTimeout(principal, 60_000)


def test_sudo_to_an_unknown_user_or_a_foreign_group_is_refused(login: Login) -> None:
    service = login("importer").c.sf.getSessionService()
    for name, group in (("nobody", "private"), ("dave", "private")):
        with pytest.raises(omero.ServerError):
            service.createSessionWithTimeout(omero.sys.Principal(name=name, group=group, eventType="User"), 60_000)
