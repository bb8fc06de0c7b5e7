"""Deleting an object in OMERO with what hangs on it, and waiting until that is done."""

from __future__ import annotations

import omero.cmd
from omero.gateway import BlitzGateway

from blocks.server_command import callback_of
from contracts.failures import FailureCategory, fail


def delete_object(gateway: BlitzGateway, kind: str, object_id: int, *, everywhere: bool = False) -> None:
    """Delete one Fileset, OriginalFile, ... that an attempt left unfinished.

    `everywhere`: in whichever group it lies; else in the session's.

    Raises:
        FailureError: OMERO_REFUSED when OMERO did not delete it.
    """
    request = omero.cmd.Delete2(targetObjects={kind: [object_id]})
    handle = gateway.c.sf.submit(request, {"omero.group": "-1"} if everywhere else None)
    with callback_of(gateway.c, handle) as callback:
        while not callback.block(500):
            gateway.c.sf.keepAlive(None)
        response = callback.getResponse()
    if isinstance(response, omero.cmd.ERR):
        raise fail(
            FailureCategory.OMERO_REFUSED,
            f"OMERO did not delete {kind} {object_id}.",
            detail=f"{response.name}: {response.parameters}",
            next_step=f"Delete the {kind} in OMERO, then retry.",
        )
