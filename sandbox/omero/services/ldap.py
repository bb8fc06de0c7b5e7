"""omero.api.ILdap: the embedded OMERO has no directory behind it and says so."""

from __future__ import annotations

import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.servant import Service, servant


@servant(omero.api.ILdap)
class Ldap(Service):
    def getSetting(self, call: Call) -> bool:  # noqa: N802
        """False: accounts are the server's own."""
        return False
