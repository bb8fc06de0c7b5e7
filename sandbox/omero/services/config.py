"""omero.api.IConfig: the server's settings, its version and its clock."""

from __future__ import annotations

import re
from typing import Any

import omero
import omero.api
from omero.rtypes import rtime

from sandbox.omero.calls import Call
from sandbox.omero.configuration import OMERO_VERSION
from sandbox.omero.records import Milliseconds
from sandbox.omero.servant import Service, servant


@servant(omero.api.IConfig)
class Config(Service):
    def getVersion(self, call: Call) -> str:  # noqa: N802
        return OMERO_VERSION

    def getConfigValue(self, key: str, call: Call) -> str:  # noqa: N802
        return self.server.config.get(key)

    def getConfigValues(self, pattern: str, call: Call) -> dict[str, str]:  # noqa: N802
        try:
            return self.server.config.matching(pattern)
        except re.error as error:
            raise omero.ApiUsageException(None, None, f"{pattern} is no regular expression: {error}") from error

    def getClientConfigValues(self, call: Call) -> dict[str, str]:  # noqa: N802
        return self.server.config.for_clients()

    def getClientConfigDefaults(self, call: Call) -> dict[str, str]:  # noqa: N802
        return self.server.config.defaults("omero.client.")

    def getConfigDefaults(self, call: Call) -> dict[str, str]:  # noqa: N802
        return self.server.config.defaults()

    def setConfigValue(self, key: str, value: str, call: Call) -> None:  # noqa: N802
        self._need_admin(call)
        self.server.config.set(key, value)

    def setConfigValueIfEquals(self, key: str, value: str, test: str, call: Call) -> bool:  # noqa: N802
        self._need_admin(call)
        if self.server.config.get(key) != (test or ""):
            return False
        self.server.config.set(key, value)
        return True

    def getDatabaseUuid(self, call: Call) -> str:  # noqa: N802
        return str(self.store.setting("database-uuid"))

    def getDatabaseTime(self, call: Call) -> Any:  # noqa: N802
        return rtime(int(Milliseconds.now()))

    def getServerTime(self, call: Call) -> Any:  # noqa: N802
        return rtime(int(Milliseconds.now()))

    def _need_admin(self, call: Call) -> None:
        if not call.caller.is_admin:
            raise omero.SecurityViolation(None, None, "settings are for administrators")
