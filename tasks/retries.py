"""When a task that failed is run again: by the failure's category alone."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State

from contracts.failures import FailureError

#: Seconds before each further attempt; together they outlast a restart of OMERO.server.
DELAYS = [2.0, 5.0, 10.0, 20.0, 30.0, 30.0, 60.0]
#: The same for the steps of a run that waits for whoever is away without a process (tasks/outage.py).
BRIEF_DELAYS = DELAYS[:3]


async def is_retryable(task: Any, task_run: Any, state: State[Any]) -> bool:
    """Prefect's `retry_condition_fn`: only failures whose category says that trying again can help."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, FailureError) and error.failure.retryable
