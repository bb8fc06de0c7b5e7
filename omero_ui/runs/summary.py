"""A run as a line of a list tells it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.standing import Standing, standing_of

#: The parameter that holds the order of each kind of run.
_PARAMETERS = {"order": RunKind.IMPORT, "run": RunKind.ANALYSIS}


class RunSummary(BaseModel):
    """`seconds`: from its first start to its end, or until now."""

    model_config = ConfigDict(frozen=True)

    token: UUID
    flow_run: UUID
    kind: RunKind
    title: str
    user: str
    group: str
    standing: Standing
    said: str
    placed: datetime
    started: datetime | None
    seconds: float | None


def summarise(run: FlowRun, now: datetime) -> RunSummary | None:
    """None for a flow run that is no order: its parameters are not what its tags promise."""
    for name, kind in _PARAMETERS.items():
        order = run.parameters.get(name)
        if not isinstance(order, dict) or not {"uuid", "user", "group"} <= set(order):
            continue
        return RunSummary(
            token=UUID(str(order["uuid"])),
            flow_run=run.id,
            kind=kind,
            title=run.name,
            user=str(order["user"]),
            group=str(order["group"]),
            standing=standing_of(run.state),
            said=(run.state.message or "") if run.state is not None else "",
            placed=run.created,
            started=run.start_time,
            seconds=None if run.start_time is None else ((run.end_time or now) - run.start_time).total_seconds(),
        )
    return None
