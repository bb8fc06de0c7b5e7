"""Where one lands who logged in again in a second window, because the session had ended behind a page."""

from __future__ import annotations

from omero_ui.page import Request, Response, page, show
from omero_ui.visitor import Visitor


@page("")
def logged_in(request: Request, visitor: Visitor) -> Response:
    return show(request, visitor, "omero_ui/logged_in.html", {})
