"""The Glacier2 router that OMERO's clients talk to, and the look-up of the object behind every call.

One object adapter is the router, the session factory and all services. The router hands out no client proxy, so a
client sends its routed calls to the router's own endpoint, where the locator finds the object: the category of an
identity is the session's uuid, its name the service's. As Glacier2 does, the locator lets a connection call only
the objects of the session that it logged in to.
"""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import Glacier2
import Ice
import omero

from sandbox.omero.servant import ice_servant
from sandbox.omero.sessions import DEFAULT_IDLE, Session

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero

log = logging.getLogger("sandbox.omero.router")

#: OMERO's clients look the router up under this identity.
ROUTER_IDENTITY = ("OMERO.Glacier2", "router")
#: The category of a session factory's identity; the name is the session's uuid, and clients read it from there.
SESSION_CATEGORY = "session-"


@dataclass
class Connection:
    """What the server knows of one client connection."""

    category: str = field(default_factory=lambda: str(uuid.uuid4()))
    session: Session | None = None
    detached: bool = False
    """The client asked that the session outlives its leaving (`detachOnDestroy`)."""


class Connections:
    """All client connections of one server. Ice wraps a connection anew for every call, hence the text as key."""

    def __init__(self, server: EmbeddedOmero) -> None:
        self._server = server
        self._open: dict[str, Connection] = {}
        self._lock = threading.Lock()

    def of(self, ice_connection: Any) -> Connection:
        with self._lock:
            return self._open.setdefault(ice_connection.toString(), Connection())

    def close(self, key: str) -> bool:
        """The client left, or its connection broke. Returns whether it held a session."""
        with self._lock:
            connection = self._open.pop(key, None)
        if connection is None or connection.session is None:
            return False
        if not connection.detached:
            self._server.sessions.release(connection.session)
        return True


class ConnectionWatch(Ice.ConnectionCallback):  # type: ignore[misc]
    """Tells when a connection is gone, so that a killed client's session does not stay."""

    def __init__(self, connections: Connections, key: str) -> None:
        super().__init__()
        self._connections = connections
        self._key = key

    def heartbeat(self, connection: Any) -> None:
        """A sign of life; the calls themselves keep a session alive, as on OMERO.server."""

    def closed(self, connection: Any) -> None:
        try:
            self._connections.close(self._key)
        except Exception:  # Ice would print it to stderr and nobody would know which connection it was
            log.exception("closing the session of a lost connection failed")


class Router(Glacier2.Router):  # type: ignore[misc]
    """Login and logout. Method names are Glacier2's."""

    def __init__(self, server: EmbeddedOmero) -> None:
        super().__init__()
        self._server = server

    def getClientProxy(self, current: Any = None) -> None:  # noqa: N802
        """No proxy: clients then send routed calls to the router's endpoint itself."""

    def getServerProxy(self, current: Any = None) -> Any:  # noqa: N802
        """Some proxy with endpoints; a client without one cannot offer callbacks."""
        return self._server.adapter.createProxy(Ice.Identity("callbacks", ""))

    def addProxies(self, proxies: list[Any], current: Any = None) -> list[Any]:  # noqa: N802
        return []

    def getCategoryForClient(self, current: Any = None) -> str:  # noqa: N802
        return self._server.connections.of(current.con).category

    def createSession_async(self, callback: Any, user: str, password: str, current: Any = None) -> None:  # noqa: N802
        try:
            session = self._log_in(user, password, current)
        except (Glacier2.PermissionDeniedException, Glacier2.CannotCreateSessionException) as refused:
            log.warning("login of %s refused: %s", user if "-" not in user else "a session", refused.reason)
            callback.ice_exception(refused)
        except omero.ServerError as refused:
            log.warning("login of %s refused: %s", user, refused.message)
            callback.ice_exception(Glacier2.CannotCreateSessionException(refused.message))
        except Exception as error:  # noqa: BLE001 - whatever it was, the client has to hear of it
            log.error("login failed: %s", traceback.format_exc())
            callback.ice_exception(Glacier2.CannotCreateSessionException(str(error)))
        else:
            client = current.ctx.get("omero.client.uuid", "unknown")
            identity = Ice.Identity(session.uuid, SESSION_CATEGORY + client)
            callback.ice_response(Glacier2.SessionPrx.uncheckedCast(self._server.adapter.createProxy(identity)))

    def _log_in(self, user: str, password: str, current: Any) -> Session:
        server = self._server
        session = server.sessions.find(user)
        if session is not None:
            if password != user:
                raise Glacier2.PermissionDeniedException("a session is joined with its uuid as user and as password")
            server.sessions.join(session)
        else:
            account = server.accounts.authenticate(user, password)
            if account is None:
                raise Glacier2.PermissionDeniedException(f"Password check failed for '{user}'")
            group = server.accounts.login_group(account, current.ctx.get("omero.group") or None)
            session = server.sessions.create(account, group, agent=current.ctx.get("omero.agent"))
        connection = server.connections.of(current.con)
        if connection.session is not None:  # a second login over one connection replaces the first
            server.sessions.release(connection.session)
        connection.session, connection.detached = session, False
        current.con.setCallback(ConnectionWatch(server.connections, current.con.toString()))
        return session

    def createSessionFromSecureConnection_async(self, callback: Any, current: Any = None) -> None:  # noqa: N802
        callback.ice_exception(Glacier2.PermissionDeniedException("the embedded OMERO knows no client certificates"))

    def refreshSession_async(self, callback: Any, current: Any = None) -> None:  # noqa: N802
        session = self._server.connections.of(current.con).session
        if session is None or self._server.sessions.find(session.uuid) is None:
            callback.ice_exception(Glacier2.SessionNotExistException())
            return
        session.touch()
        callback.ice_response()

    def destroySession(self, current: Any = None) -> None:  # noqa: N802
        session = self._server.connections.of(current.con).session
        self._server.brakes.stand("Router.destroySession.before", None if session is None else session.uuid)
        if not self._server.connections.close(current.con.toString()):
            raise Glacier2.SessionNotExistException()

    def getSessionTimeout(self, current: Any = None) -> int:  # noqa: N802
        return DEFAULT_IDLE // 1000

    def getACMTimeout(self, current: Any = None) -> int:  # noqa: N802
        return DEFAULT_IDLE // 1000


class Locator(Ice.ServantLocator):  # type: ignore[misc]
    """Finds the servant of a session's object, for the connection that owns the session."""

    def __init__(self, server: EmbeddedOmero) -> None:
        super().__init__()
        self._server = server

    def locate(self, current: Any) -> Any:
        category, name = current.id.category, current.id.name
        is_factory = category.startswith(SESSION_CATEGORY)
        session = self._server.sessions.find(name if is_factory else category)
        if session is None or self._server.connections.of(current.con).session is not session:
            raise Ice.ObjectNotExistException()
        session.touch()
        service = session.service(name)
        if service is None:
            service = self._server.stateless_service(session, "omero.api.ServiceFactory" if is_factory else name)
        if service is None:
            raise Ice.ObjectNotExistException()
        return ice_servant(service)

    def finished(self, current: Any, found: Any, cookie: Any) -> None:
        """Nothing is borrowed for a call, so nothing is given back."""

    def deactivate(self, category: str) -> None:
        """The services end with their sessions, not with the adapter."""
