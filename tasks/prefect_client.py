"""A client of the site's Prefect, whose absence is a failure like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from contracts.failures import FailureCategory, fail

#: What Prefect's client raises when the server does not answer, after it has tried for a minute.
PREFECT_AWAY = (httpx.TransportError, PrefectHTTPStatusError)


@asynccontextmanager
async def prefect_client() -> AsyncIterator[PrefectClient]:
    """A client of the site's Prefect, whose absence is a failure with a next step.

    Raises:
        FailureError: PREFECT_UNREACHABLE.
    """
    try:
        async with get_client() as client:
            yield client
    except PREFECT_AWAY as error:
        raise fail(
            FailureCategory.PREFECT_UNREACHABLE,
            "The Prefect server does not answer as it should.",
            detail=f"{type(error).__name__}: {error}",
            next_step="Check that it runs, and PREFECT_API_URL (or [prefect] in site.toml); try `omero-flows doctor`.",
        ) from error
