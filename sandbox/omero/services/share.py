"""omero.api.IShare: nobody has shares on an embedded OMERO."""

from __future__ import annotations

from typing import Any

import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, servant


@servant(omero.api.IShare)
class Share(Service):
    """Lists are empty, because no share can be made; making one is refused by name."""

    def getOwnShares(self, active: bool, call: Call) -> list[Any]:  # noqa: N802
        return []

    def getMemberShares(self, active: bool, call: Call) -> list[Any]:  # noqa: N802
        return []

    def deactivate(self, call: Call) -> None:
        """No share is ever active."""
