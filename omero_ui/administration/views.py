"""The Admin tab: its first page, and the Prefect UI in a frame."""

from __future__ import annotations

from contracts.failures import FailureCategory, fail
from omero_ui import settings
from omero_ui.page import Request, Response, page, show
from omero_ui.visitor import Visitor


@page("admin", admins_only=True)
def show_prefect(request: Request, visitor: Visitor) -> Response:
    """The Prefect UI at full height. What is in the frame comes from nginx, which asks `admission` first."""
    if not settings.PREFECT_UI:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The Prefect UI is not shown here.",
            next_step="Let the web server show it and set omero.web.flows.prefect_ui (docs/admin.md, The panel).",
        )
    return show(request, visitor, "omero_ui/administration/prefect.html", {})
