"""One call of a client, and the counts of all calls that a server answered, refused or failed."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.omero.permissions import Caller
from sandbox.omero.records import Milliseconds, Record

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session


class Call:
    """Who asks, over which connection, in which group; lives as long as one operation."""

    def __init__(
        self, server: EmbeddedOmero, session: Session, current: Any = None, *, context: Mapping[str, str] | None = None
    ) -> None:
        """Take the call's context from Ice's `current`, or `context` where the work goes on after the answer."""
        self.server = server
        self.session = session
        self.current = current
        self.context: dict[str, str] = dict(context if context is not None else (current.ctx or {} if current else {}))
        self._caller: Caller | None = None
        self._event: Record | None = None

    @property
    def identity_name(self) -> str:
        """The name of the Ice object that was called: the service's name within its session."""
        return str(self.current.id.name)

    @property
    def connection(self) -> Any:
        return self.current.con

    @property
    def caller(self) -> Caller:
        """What this user may see and do in this call.

        The group is the session's unless the call's context names another one in `omero.group`; -1 is every group.
        Raises omero.SecurityViolation when the user may not work in that group.
        """
        if self._caller is None:
            with self.server.store.lock:
                self._caller = self.session.caller(self.context)
        return self._caller

    @property
    def group(self) -> Record:
        """The group that new objects belong to."""
        return self.caller.group

    def event(self) -> Record:
        """The Event that the changes of this call carry; made on first use, inside the caller's transaction."""
        if self._event is None:
            store, session = self.server.store, self.session
            self._event = store.create(
                "Event",
                owner=None,
                group=None,
                event=None,
                time=Milliseconds.now(),
                experimenter=session.user,
                experimenterGroup=self.group,
                session=session.record,
                type=store.enumeration("EventType", "User"),
            )
        return self._event

    def in_background(self) -> Call:
        """The same call for work that goes on in another thread, after this one was answered."""
        return Call(self.server, self.session, context=self.context)


def now() -> Milliseconds:
    """The present as OMERO stores it: milliseconds since 1970, UTC."""
    return Milliseconds.now()


class CallCounts:
    """What was called, what was refused by name, and which queries failed: the list of gaps that matter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._queries: Counter[str] = Counter()
        self._failures: deque[dict[str, str]] = deque(maxlen=500)

    def called(self, interface: str, operation: str) -> None:
        with self._lock:
            self._calls[f"{interface}.{operation}"] += 1

    def refused(self, interface: str, operation: str) -> None:
        with self._lock:
            self._refused[f"{interface}.{operation}"] += 1

    def queried(self, query: str) -> None:
        with self._lock:
            self._queries[" ".join(query.split())] += 1

    def failed(self, interface: str, operation: str, reason: str) -> None:
        with self._lock:
            self._failures.append({"operation": f"{interface}.{operation}", "reason": reason})

    @property
    def unknown(self) -> dict[str, int]:
        """Operation -> how often it was refused because the embedded OMERO does not know it."""
        with self._lock:
            return dict(self._refused)

    def write(self, path: Path) -> None:
        """Write all counts as JSON, most frequent first."""
        with self._lock:
            counts = {
                "refused": dict(self._refused.most_common()),
                "failures": list(self._failures),
                "calls": dict(self._calls.most_common()),
                "queries": dict(self._queries.most_common()),
            }
        path.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
