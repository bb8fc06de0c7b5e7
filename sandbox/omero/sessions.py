"""Sessions: who is logged in, in which group, until when, and how many clients hold the session.

A session counts references as OMERO.server does: creating it and joining it add one, a client's leaving takes one,
and the session ends when none is left. It also ends when it was idle for longer than `time_to_idle` or has lived
longer than `time_to_live` (milliseconds; 0 is no limit). Sessions are not kept over a restart: their rows are (they
are provenance of the objects made in them), their uuids no longer log anyone in.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import omero

from sandbox.omero.permissions import Caller
from sandbox.omero.records import Milliseconds, Record

if TYPE_CHECKING:
    from sandbox.omero.servant import Service
    from sandbox.omero.server import EmbeddedOmero

log = logging.getLogger("sandbox.omero.sessions")

#: OMERO.server's default of `omero.sessions.timeout`, in milliseconds.
DEFAULT_IDLE = 600_000


class Session:
    """One login of one user. The group can change while it lives (`setSecurityContext`)."""

    def __init__(
        self,
        server: EmbeddedOmero,
        record: Record,
        user: Record,
        group: Record,
        *,
        sudoer: Record | None,
        agent: str | None,
        time_to_idle: int,
        time_to_live: int,
    ) -> None:
        self.server = server
        self.record = record
        self.uuid = str(record.values["uuid"])
        self.user = user
        self.group = group
        self.sudoer = sudoer
        self.agent = agent
        self.time_to_idle = time_to_idle
        self.time_to_live = time_to_live
        self.references = 1
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self._started = self._seen = time.monotonic()
        self._services: dict[str, Service] = {}
        self._lock = threading.Lock()

    def touch(self) -> None:
        """The session was used: its idle time starts again."""
        self._seen = time.monotonic()

    def is_expired(self) -> bool:
        moment = time.monotonic()
        idle = self.time_to_idle and (moment - self._seen) * 1000 > self.time_to_idle
        old = self.time_to_live and (moment - self._started) * 1000 > self.time_to_live
        return bool(idle or old)

    # ---- the objects behind the session's proxies

    def add_service(self, name: str, service: Service) -> None:
        with self._lock:
            self._services[name] = service

    def service(self, name: str) -> Service | None:
        return self._services.get(name)

    def service_names(self) -> list[str]:
        """The names of the session's stateful services, oldest first."""
        from sandbox.omero.servant import StatefulService

        with self._lock:
            return [name for name, service in self._services.items() if isinstance(service, StatefulService)]

    def remove_service(self, name: str) -> None:
        """Forget a stateful service and free what it holds; one that is gone already is left gone."""
        from sandbox.omero.servant import StatefulService

        with self._lock:
            service = self._services.pop(name, None)
        if isinstance(service, StatefulService):
            service.released()

    def release_services(self) -> None:
        """The session ends: every service that holds something lets go of it."""
        for name in list(self._services):
            try:
                self.remove_service(name)
            except Exception:  # one service's failure must not keep the others' files open
                log.exception("closing %s of session %s failed", name, self.uuid)

    # ---- what the session may do

    def caller(self, context: Mapping[str, str]) -> Caller:
        """The user's rights in the group that the call's context names, or in the session's own.

        The context names a group by its id or its name; -1 is every group. Raises omero.SecurityViolation when the
        user is no member of that group.
        """
        wanted = context.get("omero.group")
        if wanted in (None, ""):
            return self._caller_in(self.group, False, context)
        if wanted is not None and str(wanted).lstrip("-").isdigit():
            group_id = int(str(wanted))
            if group_id < 0:
                return self._caller_in(self.group, True, context)
            group = self.server.store.get("ExperimenterGroup", group_id)
        else:  # BlitzGateway(group="lab-a") leaves the name in the context
            group = self.server.accounts.group(str(wanted))
        if group is None or not self.server.accounts.may_work_in(self.user, group):
            name = self.user.values["omeName"]
            raise omero.SecurityViolation(None, None, f"User {name} is not a member of group {wanted}")
        return self._caller_in(group, False, context)

    def _caller_in(self, group: Record, all_groups: bool, context: Mapping[str, str]) -> Caller:
        caller = Caller.of(
            self.server.store,
            self.user,
            group,
            all_groups=all_groups,
            privileges=self.server.accounts.privileges(self.user),
            call_context=context,
        )
        caller.event_context = lambda: self.event_context(caller)
        return caller

    def event_context(self, caller: Caller) -> omero.sys.EventContext:
        """What `IAdmin.getEventContext` tells a client about itself."""
        accounts = self.server.accounts
        context = omero.sys.EventContext()
        context.shareId = -1
        context.sessionId, context.sessionUuid = self.record.id, self.uuid
        context.userId, context.userName = self.user.id, self.user.values["omeName"]
        if self.sudoer is not None:
            context.sudoerId = omero.rtypes.rlong(self.sudoer.id)
            context.sudoerName = omero.rtypes.rstring(self.sudoer.values["omeName"])
        context.groupId, context.groupName = caller.group.id, caller.group.values["name"]
        context.isAdmin = caller.is_admin
        context.adminPrivileges = accounts.privileges(self.user)
        context.eventId, context.eventType = -1, "User"
        context.memberOfGroups = accounts.group_ids(self.user)
        context.leaderOfGroups = accounts.led_group_ids(self.user)
        context.groupPermissions = omero.model.PermissionsI(caller.group.permissions)
        return context


class Sessions:
    """All living sessions of one server."""

    def __init__(self, server: EmbeddedOmero) -> None:
        self._server = server
        self._living: dict[str, Session] = {}
        self._lock = threading.RLock()

    def create(
        self,
        user: Record,
        group: Record,
        *,
        sudoer: Record | None = None,
        agent: str | None = None,
        time_to_idle: int = DEFAULT_IDLE,
        time_to_live: int = 0,
        message: str | None = None,
    ) -> Session:
        """A new session with one reference: its creator's."""
        store = self._server.store
        with store.transaction():
            record = store.create(
                "Session",
                owner=None,
                group=None,
                event=None,
                uuid=str(uuid.uuid4()),
                sudoer=sudoer,
                started=Milliseconds.now(),
                timeToIdle=time_to_idle,
                timeToLive=time_to_live,
                defaultEventType="User",
                userAgent=agent,
                message=message,
            )
            store.assign(record, "owner", user)  # the model's field, not the row's owner
        session = Session(
            self._server,
            record,
            user,
            group,
            sudoer=sudoer,
            agent=agent,
            time_to_idle=time_to_idle,
            time_to_live=time_to_live,
        )
        with self._lock:
            self._living[session.uuid] = session
        log.info(
            "session %s of %s in group %s%s",
            session.uuid,
            user.values["omeName"],
            group.values["name"],
            f", for {sudoer.values['omeName']}" if sudoer is not None else "",
        )
        return session

    def find(self, session_uuid: str) -> Session | None:
        """The living session with this uuid. One whose time is over is ended here and not found."""
        with self._lock:
            session = self._living.get(session_uuid)
        if session is not None and session.is_expired():
            self.end(session, "expired")
            return None
        return session

    def join(self, session: Session) -> None:
        with self._lock:
            session.references += 1
        session.touch()

    def release(self, session: Session) -> int:
        """One client less. Returns the references left, or -2 when the session ended (OMERO's own figure)."""
        with self._lock:
            session.references -= 1
            left = session.references
        if left > 0:
            return left
        self.end(session, "closed")
        return -2

    def end(self, session: Session, reason: str) -> None:
        """End a session whoever holds it; calls on it find no object from now on."""
        with self._lock:
            if self._living.pop(session.uuid, None) is None:
                return
        session.release_services()
        with self._server.store.transaction():
            self._server.store.assign(session.record, "closed", Milliseconds.now())
        log.info("session %s of %s %s", session.uuid, session.user.values["omeName"], reason)

    def expire(self) -> None:
        """End every session whose time is over."""
        for session in self.all():
            if session.is_expired():
                self.end(session, "expired")

    def all(self) -> list[Session]:
        with self._lock:
            return list(self._living.values())

    def of_user(self, user: Record) -> list[Session]:
        return [session for session in self.all() if session.user.id == user.id]
