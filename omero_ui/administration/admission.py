"""Who may see the Prefect UI: nginx asks here before each request to it (`auth_request`)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from omeroweb.webclient.decorators import login_required

from omero_ui.page import Request, Response

ADMITTED = 204
LOGGED_OUT = 401
REFUSED = 403


class _Admission(login_required):  # type: ignore[misc]  # OMERO.web is not typed
    """nginx takes a redirect to the login page for a fault of ours; it wants a status."""

    def on_not_logged_in(self, request: Request, url: str, error: str | None = None) -> Response:
        return _answer(LOGGED_OUT)


@_Admission()
def admit(request: Request, *, conn: Any, url: str) -> Response:
    """By OMERO's word about the session's account alone; no header of the request is looked at but its cookie."""
    return _answer(ADMITTED if conn.getEventContext().isAdmin else REFUSED)


def _answer(status: int) -> Response:
    response = HttpResponse(status=status)
    response["Cache-Control"] = "no-store"
    return response
