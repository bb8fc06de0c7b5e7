"""What the Admin pages' forms have in common."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.urls import reverse

from contracts.failures import FailureCategory, fail
from omero_ui.page import Request, Response


def read_token(request: Request) -> uuid.UUID:
    """The page's own, so that a button pressed twice does it once.

    Raises:
        FailureError: BAD_REQUEST.
    """
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST, "The page is not whole.", next_step="Load it again, then try once more."
        ) from error


def go_to(address: str) -> Response:
    """The page anew, by its name, for htmx."""
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse(address)
    return response
