"""omero.api.IScript: the embedded OMERO runs no scripts and has none to list."""

from __future__ import annotations

from typing import Any

import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, servant


@servant(omero.api.IScript)
class Script(Service):
    """Lists are empty, so that clients show no scripts; whatever would run or change one is refused by name."""

    def getScripts(self, call: Call) -> list[Any]:  # noqa: N802
        return []

    def getScriptsByMimetype(self, mimetype: str, call: Call) -> list[Any]:  # noqa: N802
        return []

    def getUserScripts(self, acceptable: list[Any], call: Call) -> list[Any]:  # noqa: N802
        return []

    def getScriptID(self, path: str, call: Call) -> int:  # noqa: N802
        """-1: there is no script of that name."""
        return -1
