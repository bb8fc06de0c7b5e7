"""More objects than Prefect's API gives at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omero_ui.prefect_api.connection import PAGE, PrefectApi


def read_pages(prefect: PrefectApi, path: str, body: Mapping[str, object], *, most: int) -> list[Any]:
    """What a filter finds, in its sequence. As many as `most`, or some more, say that there may be others."""
    found: list[Any] = []
    while len(found) < most:
        page = prefect.post(path, {**body, "limit": PAGE, "offset": len(found)})
        found += page
        if len(page) < PAGE:
            break
    return found
