"""The run's history as Prefect keeps it: when it was ordered, when it was resumed, how often a person retried it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from tasks.crash_limit import RETRIED

#: The name Prefect gives the state of a run that is resumed.
RESUMED = "Resuming"


def ordered_at() -> datetime:
    """When this process's flow run was made, by Prefect's clock; the present outside a run."""
    context = FlowRunContext.get()
    created = context.flow_run.created if context is not None and context.flow_run is not None else None
    return created or datetime.now(UTC)


@dataclass(frozen=True)
class RunHistory:
    """`retries`: by a person. `resumed`: moments at which it was resumed, oldest first."""

    retries: int
    resumed: tuple[datetime, ...]

    def resumed_since(self, moment: datetime) -> datetime | None:
        """The first time it was resumed after `moment`."""
        return next((resumed for resumed in self.resumed if resumed > moment), None)


async def read_history() -> RunHistory:
    """The history of this process's flow run; empty outside a run."""
    run_id = runtime.flow_run.id
    if run_id is None:
        return RunHistory(0, ())
    async with get_client() as client:
        states = sorted(await client.read_flow_run_states(run_id), key=lambda state: state.timestamp)
    return RunHistory(
        retries=sum(state.name == RETRIED for state in states),
        resumed=tuple(state.timestamp for state in states if state.name == RESUMED),
    )
