"""Trying a run again that a person, or a rule, asks for: its finished steps stay done."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry

from contracts.failures import FailureCategory, fail


async def retry_run(client: PrefectClient, flow_run: UUID, message: str) -> None:
    """Start a run again that has ended and not succeeded.

    Raises:
        FailureError: BAD_REQUEST when Prefect does not accept that.
    """
    retried: State[object] = AwaitingRetry(message=message)
    answer: OrchestrationResult[object] = await client.set_flow_run_state(flow_run, retried, force=True)
    if answer.state is None or not answer.state.is_scheduled():
        raise fail(
            FailureCategory.BAD_REQUEST,
            "Prefect did not accept the retry.",
            detail=str(answer.details),
            next_step="Look at the run in the Prefect UI.",
        )
