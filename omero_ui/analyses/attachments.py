"""Files attached in OMERO, for parameters that are files."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from omero.rtypes import unwrap
from omero.sys import ParametersI

#: The newest ones that are offered.
MOST = 500


def list_attachments(conn: Any, group: int) -> list[dict[str, Any]]:
    """The newest attachments that the user sees in a group, as the form draws them: `id` and `name`."""
    options = deepcopy(conn.SERVICE_OPTS)
    options.setOmeroGroup(group)
    parameters = ParametersI()
    parameters.page(0, MOST)
    rows = conn.getQueryService().projection(
        "select a.id, f.name from FileAnnotation a join a.file f order by a.id desc", parameters, options
    )
    return [{"id": unwrap(row[0]), "name": unwrap(row[1]) or ""} for row in rows]
