"""A client of the site's Prefect, whose absence is a failure like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from contracts.failures import FailureCategory, fail


def is_away(error: BaseException) -> bool:
    """Whether the server did not answer, or said that it cannot just now, after Prefect's client had tried for a
    minute. One that answers and refuses what was asked is there: it would say the same again.
    """
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.is_server_error
    return isinstance(error, httpx.TransportError)


@asynccontextmanager
async def prefect_client() -> AsyncIterator[PrefectClient]:
    """A client of the site's Prefect, whose absence is a failure with a next step.

    Raises:
        FailureError: PREFECT_UNREACHABLE.
    """
    try:
        async with get_client() as client:
            yield client
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        raise fail(
            FailureCategory.PREFECT_UNREACHABLE,
            "The Prefect server does not answer as it should.",
            detail=f"{type(error).__name__}: {error}",
            next_step="Check that it runs, and PREFECT_API_URL (or [prefect] in site.toml); try `omero-flows doctor`.",
        ) from error
