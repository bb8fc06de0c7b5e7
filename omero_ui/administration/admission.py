"""Who may see the Prefect UI: nginx asks here before each request to it (`auth_request`), and what the others see."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from omeroweb.webclient.decorators import login_required

from omero_ui.page import Request, Response, page, show
from omero_ui.visitor import Visitor

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


class _Refusal(login_required):  # type: ignore[misc]  # OMERO.web is not typed
    """Who reads is sent to the login and comes back; a program learns by the status."""

    def on_not_logged_in(self, request: Request, url: str, error: str | None = None) -> Response:
        if not _is_read(request):
            return _answer(LOGGED_OUT)
        return super().on_not_logged_in(request, request.headers.get("X-Original-URI", url), error)


@_Refusal()
def refuse(request: Request, *, conn: Any, url: str) -> Response:
    """What nginx shows instead of what it does not let through; of an admin's, what another site's page asked for."""
    if conn.getEventContext().isAdmin or not _is_read(request):
        return _answer(REFUSED)
    return _tell(request, conn=conn, url=url)


@page("")
def _tell(request: Request, visitor: Visitor) -> Response:
    return show(request, visitor, "omero_ui/administration/for_admins.html", {}, status=REFUSED)


def _is_read(request: Request) -> bool:
    """Whether a person opened the address, and not a script or a program."""
    return "text/html" in request.headers.get("Accept", "")


def _answer(status: int) -> Response:
    response = HttpResponse(status=status)
    response["Cache-Control"] = "no-store"
    return response
