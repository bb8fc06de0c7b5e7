"""A run as a line of a list tells it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.migrated_run import ORDER_PARAMETERS, MigratedHistory, read_history
from contracts.run_tags import RunKind, kind_tag
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.runs.standing import Standing, standing_of

#: The parameter that holds the order of each kind of run.
PARAMETERS = ORDER_PARAMETERS
#: Characters of a run's own last words; a crash may have said a whole traceback.
MOST_SAID = 300


class RunSummary(BaseModel):
    """`items`: the files of an order. `seconds`: from its first start to its end, or until now. `history`: of a run
    that BIOMERO did, whose own times these are. A batch is nobody's, and has its flow run's id for a token.
    """

    model_config = ConfigDict(frozen=True)

    token: UUID
    flow_run: UUID
    kind: RunKind
    title: str
    user: str
    group: str
    workflow: str | None
    items: int
    standing: Standing
    said: str
    placed: datetime
    started: datetime | None
    seconds: float | None
    changed: datetime
    history: MigratedHistory | None = None

    @cached_property
    def mark(self) -> str:
        """Differs when the run has changed: the list then gets a new row."""
        return f"{self.flow_run}:{self.changed.timestamp():.3f}"


def summarise(run: FlowRun, now: datetime) -> RunSummary | None:
    """None for a flow run that is no order: its parameters are not what its tags promise."""
    if kind_tag(RunKind.BATCH) in run.tags:
        return _summarise_batch(run, now)
    for kind, name in PARAMETERS.items():
        order = run.parameters.get(name)
        if not isinstance(order, dict) or not {"uuid", "user", "group"} <= set(order):
            continue
        workflow = order.get("workflow")
        history = read_history(run.tags, run.parameters)
        placed, started, ended = run.created, run.start_time, run.end_time or now
        if history is not None:
            placed, started = history.placed or run.created, history.began
            ended = history.ended or history.began or now
        return RunSummary(
            token=UUID(str(order["uuid"])),
            flow_run=run.id,
            kind=kind,
            title=run.name,
            user=str(order["user"]),
            group=str(order["group"]),
            workflow=str(workflow.get("name")) if isinstance(workflow, dict) else None,
            items=len(order.get("files") or ()),
            standing=standing_of(run.state),
            said=(run.state.message or "")[:MOST_SAID] if run.state is not None else "",
            placed=placed,
            started=started,
            seconds=None if started is None else max(0.0, (ended - started).total_seconds()),
            changed=run.state.timestamp if run.state is not None else run.updated,
            history=history,
        )
    return None


def _summarise_batch(run: FlowRun, now: datetime) -> RunSummary:
    started = run.start_time
    return RunSummary(
        token=run.id,
        flow_run=run.id,
        kind=RunKind.BATCH,
        title=run.name,
        user="",
        group="",
        workflow=None,
        items=0,
        standing=standing_of(run.state),
        said=(run.state.message or "")[:MOST_SAID] if run.state is not None else "",
        placed=run.created,
        started=started,
        seconds=None if started is None else max(0.0, ((run.end_time or now) - started).total_seconds()),
        changed=run.state.timestamp if run.state is not None else run.updated,
    )
