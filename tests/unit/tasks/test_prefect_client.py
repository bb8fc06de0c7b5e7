"""Who is said to be away: a Prefect that does not answer, and none that answers and refuses."""

from __future__ import annotations

import httpx
import pytest
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.exceptions import PrefectHTTPStatusError

from tasks.prefect_client import PrefectAway, crash_when_away, is_away

SILENT = httpx.ConnectError("All connection attempts failed")


def answered(status: int) -> PrefectHTTPStatusError:
    request = httpx.Request("POST", "http://127.0.0.1:4200/api/flow_runs/filter")
    error = httpx.HTTPStatusError("", request=request, response=httpx.Response(status, request=request))
    return PrefectHTTPStatusError.from_httpx_error(error)


def no_place(cause: Exception) -> ConcurrencySlotAcquisitionError:
    """As Prefect's client raises it for a place among the imports."""
    error = ConcurrencySlotAcquisitionError("Unable to acquire concurrency slots on ['omero-imports']")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        SILENT,
        httpx.ReadTimeout("timed out"),
        answered(503),
        no_place(SILENT),
        ExceptionGroup("two files", [ValueError("no TIFF"), ExceptionGroup("its steps", [no_place(answered(500))])]),
    ],
)
def test_a_server_that_does_not_answer_crashes_the_run(error: Exception) -> None:
    assert is_away(error)
    with pytest.raises(PrefectAway, match=type(error).__name__), crash_when_away():
        raise error


@pytest.mark.parametrize("error", [answered(404), no_place(answered(422)), ExceptionGroup("files", [ValueError("no")])])
def test_any_other_error_stays_what_it_is(error: Exception) -> None:
    assert not is_away(error)
    with pytest.raises(type(error)) as raised, crash_when_away():
        raise error
    assert raised.value is error
