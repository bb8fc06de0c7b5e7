"""A client of the site's Prefect, whose absence is a failure like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.exceptions import PrefectHTTPStatusError

from blocks.omero_failures import describe
from contracts.failures import FailureCategory, FailureError, fail

#: What Prefect says of a request that is too large (its own limit of parameters, a proxy's of bodies) or not right.
_NOT_TAKEN = (400, 413, 422)


class PrefectAway(BaseException):
    """Ends a run's process as a crash does, so that the run is started again by itself.

    No Exception: for one of those Prefect's engine marks the run as failed, as soon as the server is back, and a failed
    run waits for a person.
    """


def is_away(error: BaseException) -> bool:
    """Whether the server did not answer, or said that it cannot just now, after Prefect's client had tried for a
    minute. One that answers and refuses what was asked is there: it would say the same again.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(is_away(one) for one in error.exceptions)
    if isinstance(error, ConcurrencySlotAcquisitionError):
        return error.__cause__ is not None and is_away(error.__cause__)
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.is_server_error
    return isinstance(error, httpx.TransportError)


@contextmanager
def crash_when_away() -> Iterator[None]:
    """Around all that a run does: nothing of it has failed when Prefect does not answer, and its job may be in Slurm.

    Raises:
        PrefectAway: instead of what `is_away`.
    """
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        raise PrefectAway(f"Prefect did not answer: {describe(error)}") from error


@asynccontextmanager
async def prefect_client() -> AsyncIterator[PrefectClient]:
    """A client of the site's Prefect, whose absence is a failure with a next step.

    Raises:
        FailureError: PREFECT_UNREACHABLE; BAD_REQUEST for what it does not take.
    """
    try:
        async with get_client() as client:
            yield client
    except PrefectHTTPStatusError as error:
        if error.response.status_code not in _NOT_TAKEN:
            raise _unreachable(error) from error
        raise fail(
            FailureCategory.BAD_REQUEST,
            "Prefect does not take this: it is too much at once, or not what it expects.",
            detail=describe(error)[:2000],
            next_step="Split a large manifest or order; if it is none, report this with its detail.",
        ) from error
    except httpx.TransportError as error:
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> FailureError:
    return fail(
        FailureCategory.PREFECT_UNREACHABLE,
        "The Prefect server does not answer as it should.",
        detail=f"{type(error).__name__}: {error}",
        next_step="Check that it runs, and PREFECT_API_URL (or [prefect] in site.toml); try `omero-flows doctor`.",
    )
