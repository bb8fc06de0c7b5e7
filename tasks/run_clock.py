"""The run's history as Prefect keeps it: when it was ordered, resumed, retried, and made to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext

from contracts.failures import WAITING
from tasks.crash_limit import RETRIED

#: The name Prefect gives the state of a run that is resumed.
RESUMED = "Resuming"
CANCELLED = ("Cancelling", "Cancelled")


def ordered_at() -> datetime:
    """When this process's flow run was made, by Prefect's clock; the present outside a run."""
    context = FlowRunContext.get()
    created = context.flow_run.created if context is not None and context.flow_run is not None else None
    return created or datetime.now(UTC)


@dataclass(frozen=True)
class RunHistory:
    """Moments, oldest first: at which a person retried or cancelled it; at which it was resumed; at which it began to
    wait for somebody who is away, since it was last retried or resumed.
    """

    retried: tuple[datetime, ...] = ()
    cancelled: tuple[datetime, ...] = ()
    resumed: tuple[datetime, ...] = ()
    waits: tuple[datetime, ...] = ()

    def resumed_since(self, moment: datetime) -> datetime | None:
        """The first time it was resumed after `moment`."""
        return next((resumed for resumed in self.resumed if resumed > moment), None)

    @property
    def retried_after_cancelling(self) -> bool:
        """Whether a person has retried the run and not cancelled it since."""
        return bool(self.retried) and self.retried[-1] > max(self.cancelled, default=datetime.min.replace(tzinfo=UTC))

    def asks_for_another(self, submitted: datetime, judged: datetime) -> bool:
        """Whether a person has retried the run since an attempt was over: it was judged, or cancelled before."""
        over = min([judged, *(moment for moment in self.cancelled if moment > submitted)])
        return any(moment > over for moment in self.retried)


async def read_history() -> RunHistory:
    """The history of this process's flow run; empty outside a run."""
    run_id = runtime.flow_run.id
    if run_id is None:
        return RunHistory()
    async with get_client() as client:
        states = await client.read_flow_run_states(run_id)
    return history_of(states)


def history_of(states: Sequence[State[Any]]) -> RunHistory:
    """The history that a run's states tell, in whatever sequence they come."""
    named = [(state.name or "", state.timestamp) for state in sorted(states, key=lambda state: state.timestamp)]
    retried = tuple(moment for name, moment in named if name == RETRIED)
    resumed = tuple(moment for name, moment in named if name == RESUMED)
    cancelled = tuple(moment for name, moment in named if name in CANCELLED)
    latest = max((*retried, *resumed), default=None)
    waits = [moment for name, moment in named if name.startswith(WAITING)]
    return RunHistory(
        retried, cancelled, resumed, tuple(moment for moment in waits if latest is None or moment > latest)
    )
