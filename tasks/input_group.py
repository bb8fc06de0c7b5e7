"""The group of what a run analyses, for a person who names inputs alone."""

from __future__ import annotations

from omero.rtypes import unwrap
from omero.sys import ParametersI

from blocks.omero_failures import classify
from blocks.omero_server import OmeroServer
from blocks.omero_session import sudo_login
from contracts.failures import FailureCategory, fail


def find_group(server: OmeroServer, kind: str, id: int) -> str:
    """The name of the group that an object is in, as the sudo account sees it. `kind`: a word of our own.

    It grants nothing: whether the user is in that group and may read the object is checked in the user's own session.

    Raises:
        FailureError: UNKNOWN_INPUT, OMERO_UNREACHABLE, OMERO_REFUSED_LOGIN, OMERO_REFUSED.
    """
    try:
        with sudo_login(server) as client:
            rows = unwrap(
                client.sf.getQueryService().projection(
                    f"select o.details.group.name from {kind} o where o.id = :id",
                    ParametersI().addId(id),
                    {"omero.group": "-1"},
                )
            )
    except Exception as error:
        raise classify(error, f"look for {kind} {id}") from error
    if not rows:
        raise fail(
            FailureCategory.UNKNOWN_INPUT,
            f"There is no {kind} {id}.",
            next_step="Check the id: OMERO.web shows it beside the name; it may have been deleted.",
        )
    return str(rows[0][0])
