"""omero.grid.SharedResources: the way to the repositories and to tables."""

from __future__ import annotations

from typing import Any

import omero
import omero.grid

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.wire import find_record
from sandbox.omero.tables import TABLE_TYPE, Table

#: The name under which the repository is one of the session's objects.
REPOSITORY = "omero.grid.ManagedRepository"


@servant(omero.grid.SharedResources)
class SharedResources(Service):
    """There is one repository, the managed one. Scripts are not run, so there are no processors."""

    def repositories(self, call: Call) -> Any:
        repository = self.server.stateless_service(self.session, REPOSITORY)
        assert repository is not None
        proxy = omero.grid.RepositoryPrx.uncheckedCast(self.server.proxy(self.session.uuid, REPOSITORY))
        root = repository.root(call)  # type: ignore[attr-defined]
        return omero.grid.RepositoryMap(descriptions=[root], proxies=[proxy])

    def getScriptRepository(self, call: Call) -> Any:
        """None: there are no scripts."""
        return None

    def acquireProcessor(self, job: Any, seconds: int, call: Call) -> Any:
        raise omero.NoProcessorAvailable(None, None, "the embedded OMERO runs no scripts", 0)

    def areTablesEnabled(self, call: Call) -> bool:
        return True

    def newTable(self, repository_id: int, path: str, call: Call) -> Any:
        """An empty table and its OriginalFile, whose path and name are both the path, as OMERO.server has it."""
        file = self.store.create(
            "OriginalFile", owner=call.caller.user, group=call.group, event=call.event(), name=path, path=path,
            mimetype=TABLE_TYPE, size=0,
        )  # fmt: skip
        return self._open(file)

    def openTable(self, file: Any, call: Call) -> Any:
        """The table of an OriginalFile; None for a file that is no table."""
        record = find_record(self.store, file)
        if not call.caller.visible(record):
            raise omero.SecurityViolation(None, None, f"Cannot read {record}")
        if record.values.get("mimetype") != TABLE_TYPE:
            return None
        return self._open(record)

    def _open(self, file: Any) -> Any:
        table = Table(self.server, self.session, file)
        return omero.grid.TablePrx.uncheckedCast(self.server.add_stateful(self.session, table, "omero.grid.Table"))
