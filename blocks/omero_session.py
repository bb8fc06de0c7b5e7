"""One OMERO session of one order: made at first use, kept alive, made anew when OMERO was restarted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import omero.clients
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI, Principal

from blocks.omero_failures import classify, describe, is_unreachable
from contracts.failures import FailureCategory, fail

if TYPE_CHECKING:
    from blocks.omero_server import OmeroServer

log = logging.getLogger(__name__)

#: Seconds between two keep-alives; OMERO's default session timeout is ten minutes.
KEEP_ALIVE_SECONDS = 60
CONNECT_TIMEOUT_MS = 20_000


@contextmanager
def sudo_login(server: OmeroServer) -> Iterator[omero.clients.BaseClient]:
    """The sudo account itself, for what only it may ask; raises what OMERO's client does."""
    client = _client(server)
    try:
        client.createSession(server.sudo_user, server.password.get_secret_value())
        yield client
    finally:
        client.closeSession()


def _client(server: OmeroServer) -> omero.clients.BaseClient:
    properties = {"Ice.Override.ConnectTimeout": str(CONNECT_TIMEOUT_MS), "omero.user": server.sudo_user}
    return omero.client(host=server.host, port=server.port, pmap=properties)


class OmeroSession:
    """The ordering user, in the ordering group, over one login of the sudo account.

    Calls may come from several threads. `logins` counts logins with the password; it stays 1 unless
    OMERO went away in between.
    """

    def __init__(self, server: OmeroServer, user: str, group: str) -> None:
        self.server = server
        self.user = user
        self.group = group
        self.logins = 0
        self.user_id = -1
        self.group_id = -1
        self._gateway: BlitzGateway | None = None
        self._lock = threading.RLock()

    @property
    def gateway(self) -> BlitzGateway:
        """A connected gateway. It asks OMERO once whether the session still lives.

        Raises:
            FailureError: UNKNOWN_USER, UNKNOWN_GROUP, NOT_A_MEMBER, OMERO_REFUSED_LOGIN,
                OMERO_UNREACHABLE, OMERO_REFUSED.
        """
        with self._lock:
            if self._gateway is not None:
                try:
                    self._gateway.c.sf.keepAlive(None)
                    return self._gateway
                except Exception as error:
                    if not is_unreachable(error):
                        raise classify(error, "keep the session alive") from error
                    log.warning("OMERO ended the session (%s); logging in again", describe(error))
                    self.close()
            try:
                self._gateway = self._log_in()
            except Exception as error:
                raise classify(error, f"log in as {self.user!r} in group {self.group!r}") from error
            return self._gateway

    def log_in(self) -> None:
        """Make sure that user and group exist and belong together; raises what `gateway` does."""
        assert self.gateway is not None

    def close(self) -> None:
        """End the session in OMERO; one that is gone already is not an error."""
        with self._lock:
            gateway, self._gateway = self._gateway, None
        if gateway is None:
            return
        try:
            gateway.c.closeSession()
        except Exception as error:  # noqa: BLE001  it ends by its time limit then; nothing of the order depends on it
            log.info("The OMERO session did not end cleanly: %s", describe(error))

    def _log_in(self) -> BlitzGateway:
        server = self.server
        with sudo_login(server) as sudo:
            self.logins += 1
            self._check_membership(sudo)
            principal = Principal(self.user, self.group, "User", None)
            session = sudo.sf.getSessionService().createSessionWithTimeout(principal, server.session_minutes * 60_000)
            client = _client(server)
            client.joinSession(session.uuid.val)
        client.enableKeepAlive(KEEP_ALIVE_SECONDS)
        gateway = BlitzGateway(client_obj=client)
        if not gateway.connect():
            raise fail(
                FailureCategory.OMERO_REFUSED_LOGIN,
                f"OMERO made a session for {self.user!r} but did not let us join it.",
                next_step="Look into OMERO's Blitz log; then retry.",
            )
        return gateway

    def _check_membership(self, sudo: omero.clients.BaseClient) -> None:
        query = sudo.sf.getQueryService()
        everywhere = {"omero.group": "-1"}
        by_name = ParametersI().addString("name", self.user)
        users = unwrap(query.projection("select e.id from Experimenter e where e.omeName = :name", by_name, everywhere))
        if not users:
            raise fail(
                FailureCategory.UNKNOWN_USER,
                f"OMERO has no user {self.user!r}.",
                next_step="Check the spelling of the login name (not the full name).",
            )
        by_name = ParametersI().addString("name", self.group)
        groups = unwrap(
            query.projection("select g.id from ExperimenterGroup g where g.name = :name", by_name, everywhere)
        )
        if not groups:
            raise fail(
                FailureCategory.UNKNOWN_GROUP,
                f"OMERO has no group {self.group!r}.",
                next_step="Check the group's name.",
            )
        self.user_id, self.group_id = users[0][0], groups[0][0]
        parameters = ParametersI().addLong("user", self.user_id)
        parameters.addLong("group", self.group_id)
        member = unwrap(
            query.projection(
                "select m.id from GroupExperimenterMap m where m.child.id = :user and m.parent.id = :group",
                parameters,
                everywhere,
            )
        )
        if not member:
            raise fail(
                FailureCategory.NOT_A_MEMBER,
                f"{self.user!r} is not a member of group {self.group!r}.",
                next_step="Choose one of the user's own groups, or ask an OMERO administrator to add the user.",
            )
