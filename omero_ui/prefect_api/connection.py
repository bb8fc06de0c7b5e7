"""One pool of connections to Prefect's API, for all threads of OMERO.web."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import httpx

from contracts.failures import FailureCategory, FailureError, fail
from omero_ui import settings

#: Seconds. A page waits no longer for Prefect than a person waits for a page.
CONNECT = 3.0
ANSWER = 20.0
#: Prefect gives at most so many objects at once.
PAGE = 200


class PrefectApi:
    """Asks Prefect; every trouble is a Failure that a page can show.

    Raises (every method):
        FailureError: PREFECT_UNREACHABLE; NOT_CONFIGURED when it refuses the password, BAD_REQUEST what was sent.
    """

    def __init__(self, url: str, auth: tuple[str, str] | None) -> None:
        self._client = httpx.Client(
            base_url=url,
            auth=auth,
            timeout=httpx.Timeout(ANSWER, connect=CONNECT),
            trust_env=False,  # a proxy of the machine is none to a neighbour
        )

    def get(self, path: str) -> Any:
        """The answer's JSON; None where there is no such thing."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any = None) -> Any:
        """The answer's JSON; None where there is no such thing, or nothing is answered."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path, None)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise _unreachable(f"{type(error).__name__}: {error}") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise fail(
                FailureCategory.NOT_CONFIGURED,
                "Prefect refuses the panel's password.",
                next_step="An administrator has to correct omero.web.flows.prefect_auth_file.",
            )
        if answer.is_client_error:
            raise fail(
                FailureCategory.BAD_REQUEST,
                "The workflow engine does not take this.",
                detail=f"{method} {path} answered {answer.status_code}: {answer.text[:500]}",
                next_step="Check what you entered. If it is right, tell your administrator: the panel and the workflow"
                " engine may be of different versions (`omero-flows deploy`).",
            )
        if answer.is_error:
            raise _unreachable(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None


def _unreachable(detail: str) -> FailureError:
    return fail(
        FailureCategory.PREFECT_UNREACHABLE,
        "The workflow engine does not answer.",
        detail=detail,
        next_step="Nothing is lost, and runs that are under way go on. Try again in a minute; if it stays so, tell your"
        " administrator.",
    )


@functools.lru_cache(maxsize=1)
def prefect() -> PrefectApi:
    """The site's Prefect, by OMERO.web's settings.

    Raises:
        FailureError: NOT_CONFIGURED when the file of the password cannot be read.
    """
    return PrefectApi(settings.PREFECT_API, _read_auth(settings.PREFECT_AUTH_FILE))


def _read_auth(file: str) -> tuple[str, str] | None:
    if not file:
        return None
    try:
        user, _, password = Path(file).read_text("utf-8").strip().partition(":")
    except OSError as error:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "The panel cannot read its password for the workflow engine.",
            detail=f"{file}: {error.strerror}",
            next_step="An administrator has to make the file readable for OMERO.web.",
        ) from error
    return user, password
