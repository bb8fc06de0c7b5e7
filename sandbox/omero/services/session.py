"""omero.api.ISession: sessions of one's own, sessions for others (sudo), and values kept with a session."""

from __future__ import annotations

from typing import Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import load_one
from sandbox.omero.sessions import DEFAULT_IDLE, Session


@servant(omero.api.ISession)
class SessionService(Service):
    """Not in one transaction: making and ending a session have their own, and ending one closes files."""

    transactional = False

    def createSession(self, principal: Any, credentials: str, call: Call) -> Any:  # noqa: N802
        """A session for whoever knows the password. Raises omero.SecurityViolation for a wrong one."""
        user = self.server.accounts.authenticate(principal.name, credentials or "")
        if user is None:
            raise omero.SecurityViolation(None, None, f"Password check failed for '{principal.name}'")
        return self._answer(call, self._create(user, principal.group, None, DEFAULT_IDLE, 0))

    def createUserSession(self, time_to_live: int, time_to_idle: int, group: str, call: Call) -> Any:  # noqa: N802
        """Another session of the caller."""
        created = self._create(self.session.user, group, self.session.sudoer, time_to_idle, time_to_live)
        return self._answer(call, created)

    def createSessionWithTimeout(self, principal: Any, time_to_live: int, call: Call) -> Any:  # noqa: N802
        """A session for another user (sudo) that ends `time_to_live` milliseconds from now, used or not."""
        return self.createSessionWithTimeouts(principal, time_to_live, 0, call)

    def createSessionWithTimeouts(
        self,
        principal: Any,
        time_to_live: int,
        time_to_idle: int,  # noqa: N802
        call: Call,
    ) -> Any:
        """A session for another user. Raises omero.SecurityViolation unless the caller has the Sudo privilege."""
        if "Sudo" not in call.caller.privileges:
            raise omero.SecurityViolation(None, None, "only administrators open sessions for others")
        accounts = self.server.accounts
        user = accounts.user(principal.name)
        if user is None:
            raise omero.ApiUsageException(None, None, f"No such user: {principal.name}")
        if accounts.is_admin(user) and not set(accounts.privileges(user)) <= call.caller.privileges:
            raise omero.SecurityViolation(None, None, f"{principal.name} may do more than you")
        return self._answer(call, self._create(user, principal.group, self.session.user, time_to_idle, time_to_live))

    def _create(self, user: Record, group: str | None, sudoer: Record | None, idle: int, live: int) -> Session:
        accounts = self.server.accounts
        return self.server.sessions.create(
            user,
            accounts.login_group(user, group or None),
            sudoer=sudoer,
            agent=self.session.agent,
            time_to_idle=idle,
            time_to_live=live,
        )

    def _answer(self, call: Call, session: Session) -> Any:
        with self.store.lock:
            return load_one(call, session.record, ["owner", "sudoer"])

    # ---- finding and closing

    def getSession(self, session_uuid: str, call: Call) -> Any:  # noqa: N802
        return self._answer(call, self._own(session_uuid, call))

    def getReferenceCount(self, session_uuid: str, call: Call) -> int:  # noqa: N802
        return self._own(session_uuid, call).references

    def closeSession(self, target: Any, call: Call) -> int:  # noqa: N802
        """One reference less; returns how many are left, -2 when the session ended."""
        return self.server.sessions.release(self._own(target.uuid.val, call))

    def _own(self, session_uuid: str, call: Call) -> Session:
        """A session that the caller may deal with: their own, one they opened for another, or any as an admin.

        Raises omero.RemovedSessionException for a session that is no more.
        """
        session = self.server.sessions.find(session_uuid)
        if session is None:
            raise omero.RemovedSessionException(None, None, f"No session with uuid: {session_uuid}")
        is_own = session.user.id == self.session.user.id or (
            session.sudoer is not None and session.sudoer.id == self.session.user.id
        )
        if not (is_own or call.caller.is_admin):
            raise omero.SecurityViolation(None, None, "not your session")
        return session

    def _all_own(self, call: Call) -> list[Session]:
        return self.server.sessions.of_user(self.session.user)

    def getMyOpenSessions(self, call: Call) -> list[Any]:  # noqa: N802
        return [self._answer(call, session) for session in self._all_own(call)]

    def getMyOpenAgentSessions(self, agent: str, call: Call) -> list[Any]:  # noqa: N802
        return [self._answer(call, session) for session in self._all_own(call) if session.agent == agent]

    def getMyOpenClientSessions(self, call: Call) -> list[Any]:  # noqa: N802
        return self.getMyOpenSessions(call)

    # ---- values kept while the session lives

    def getInput(self, session_uuid: str, key: str, call: Call) -> Any:  # noqa: N802
        return self._own(session_uuid, call).inputs.get(key)

    def setInput(self, session_uuid: str, key: str, value: Any, call: Call) -> None:  # noqa: N802
        _keep(self._own(session_uuid, call).inputs, key, value)

    def getInputs(self, session_uuid: str, call: Call) -> dict[str, Any]:  # noqa: N802
        return dict(self._own(session_uuid, call).inputs)

    def getInputKeys(self, session_uuid: str, call: Call) -> list[str]:  # noqa: N802
        return list(self._own(session_uuid, call).inputs)

    def getOutput(self, session_uuid: str, key: str, call: Call) -> Any:  # noqa: N802
        return self._own(session_uuid, call).outputs.get(key)

    def setOutput(self, session_uuid: str, key: str, value: Any, call: Call) -> None:  # noqa: N802
        _keep(self._own(session_uuid, call).outputs, key, value)

    def getOutputs(self, session_uuid: str, call: Call) -> dict[str, Any]:  # noqa: N802
        return dict(self._own(session_uuid, call).outputs)

    def getOutputKeys(self, session_uuid: str, call: Call) -> list[str]:  # noqa: N802
        return list(self._own(session_uuid, call).outputs)


def _keep(values: dict[str, Any], key: str, value: Any) -> None:
    """Keep the value; null takes it away, as OMERO.server does."""
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
