"""What every page of the panel has in common: who asks, the frame around it, and failures that become pages.

    @page("runs")
    def show_runs(request: Request, visitor: Visitor) -> Response:
        return show(request, visitor, "omero_ui/runs/list.html", {"runs": ...})

A view is called for a visitor whom OMERO has admitted, and only by the methods that it names. It raises failures
(`contracts/failures.py`) and does not catch them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from omeroweb.webclient.decorators import login_required, render_response

from contracts.failures import Failure, FailureCategory, FailureError
from omero_ui import settings
from omero_ui.tabs import tabs_for
from omero_ui.visitor import Visitor, read_visitor

log = logging.getLogger(__name__)

#: Django is not typed; these names say what is meant.
Request = Any
Response = Any

#: No script or style but our own files, no frame but of our own origin: what a user typed can do nothing in a page.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)

#: What HTTP calls a failure; every other category is 409: the request is understood and cannot be done.
_STATUS = {
    FailureCategory.BAD_REQUEST: 400,
    FailureCategory.NOT_A_MEMBER: 403,
    FailureCategory.DESTINATION_NOT_WRITABLE: 403,
    FailureCategory.PREFECT_UNREACHABLE: 503,
    FailureCategory.NOT_CONFIGURED: 503,
    FailureCategory.OMERO_UNREACHABLE: 503,
    FailureCategory.STORAGE_UNAVAILABLE: 503,
    FailureCategory.CLUSTER_UNREACHABLE: 503,
}


class NotThere(Exception):
    """What was asked for does not exist, or is not for this visitor: nobody learns which."""


class _Admission(login_required):  # type: ignore[misc]  # OMERO.web is not typed
    """OMERO.web's own check of the session; a part of a page that is asked for later must not get a login page."""

    def on_not_logged_in(self, request: Request, url: str, error: str | None = None) -> Response:
        if not is_part(request):
            return super().on_not_logged_in(request, url, error)
        where = f"{self.login_url}?{urlencode({'url': reverse('flows:logged_in')})}"
        return _secure(_notice(request, "omero_ui/parts/session_ended.html", {"login": where}, 401))


def page(
    tab: str, *, methods: tuple[str, ...] = ("GET",), admins_only: bool = False
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Make a view of a function of (request, visitor, and the parts of the address).

    `tab`: the tab it lies under. `admins_only`: for everybody else it is not there.
    """

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        def admitted(request: Request, *, conn: Any, url: str, **parts: Any) -> Response:
            if request.method not in methods:
                return _secure(HttpResponseNotAllowed(methods))
            visitor = read_visitor(conn)
            request.flows_frame = {"conn": conn, "tab": tab}
            try:
                if admins_only and not visitor.is_admin:
                    raise NotThere
                response = view(request, visitor, **parts)
            except NotThere:
                response = show(request, visitor, "omero_ui/not_there.html", {}, status=404)
            except FailureError as error:
                response = _tell(request, visitor, error.failure)
            return _secure(response)

        return functools.wraps(view)(_Admission(setGroupContext=False)(admitted))

    return decorate


def is_part(request: Request) -> bool:
    """Whether htmx asks, for a part of a page that is already there."""
    return bool(request.headers.get("HX-Request"))


def show(
    request: Request,
    visitor: Visitor,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    framed: bool = True,
) -> Response:
    """Fill a template. A whole page gets OMERO.web's header and the panel's tabs around it; a part that htmx asks for,
    or that a page of OMERO.web takes in (`framed` False), does not.
    """
    frame = request.flows_frame
    given = {"visitor": visitor, "tab": frame["tab"], "prefect_ui": settings.PREFECT_UI, **context}
    if framed and not is_part(request):
        given["tabs"] = tabs_for(visitor)
        render_response().prepare_context(request, given, conn=frame["conn"])
    return render(request, template, given, status=status)


def omero_of(request: Request) -> Any:
    """The visitor's own connection to OMERO (BlitzGateway), in all their groups; OMERO decides what it shows."""
    return request.flows_frame["conn"]


def _tell(request: Request, visitor: Visitor, failure: Failure) -> Response:
    log.info("%s for %s: %s", request.path, visitor.name, failure.model_dump_json())
    status = _STATUS.get(failure.category, 409)
    context = {"failure": failure, "visitor": visitor}
    if is_part(request):
        return _notice(request, "omero_ui/parts/failure.html", context, status)
    return show(request, visitor, "omero_ui/failed.html", context, status=status)


def _notice(request: Request, template: str, context: Mapping[str, Any], status: int) -> Response:
    """Said above the page that is there, which keeps all that was typed into it."""
    response = render(request, template, dict(context), status=status)
    response["HX-Retarget"] = "#notices"
    response["HX-Reswap"] = "innerHTML"
    return response


def _secure(response: HttpResponse) -> Response:
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "same-origin"
    response.setdefault("Cache-Control", "no-store")
    return response
