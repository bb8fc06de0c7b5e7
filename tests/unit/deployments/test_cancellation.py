"""An observer of cancellations asks on when Prefect was away for as long as Prefect's own has patience."""

from __future__ import annotations

import asyncio

import pytest
from prefect._internal.observers import FlowRunCancellingObserver

from deployments.cancellation import LastingObserver


async def asks_on(kind: type[FlowRunCancellingObserver], error: Exception | None, *, by: str) -> bool:
    """Whether an observer asks Prefect, or is about to, after a task of its own has ended like this."""

    async def end() -> None:
        if error is not None:
            raise error

    observer = kind(on_cancelling=lambda flow_run_id: None, polling_interval=60)
    task = asyncio.create_task(end())
    await asyncio.wait([task])
    getattr(observer, by)(task)
    asking = observer._polling_task
    if asking is None:
        return False
    observer._is_shutting_down = True
    asking.cancel()
    return True


ENDS = [
    pytest.param(RuntimeError("Service exceeded error threshold."), "_handle_polling_task_done", id="nobody answered"),
    pytest.param(None, "_start_polling_task", id="the server ended in order"),
]


@pytest.mark.parametrize(("error", "by"), ENDS)
def test_it_asks_on(error: Exception | None, by: str) -> None:
    assert asyncio.run(asks_on(LastingObserver, error, by=by))


@pytest.mark.parametrize(("error", "by"), ENDS)
def test_prefects_own_still_needs_mending(error: Exception | None, by: str) -> None:
    """When this fails Prefect has mended it, and `deployments/cancellation.py` may go."""
    assert not asyncio.run(asks_on(FlowRunCancellingObserver, error, by=by))
