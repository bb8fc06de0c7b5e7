"""What Prefect answers, as far as the panel reads it (Prefect 3.8, `GET /openapi.json` of its server)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Fields that the panel does not use are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StateType(StrEnum):
    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})


class State(Answer):
    type: StateType
    name: str
    timestamp: datetime
    message: str | None = None


class FlowRun(Answer):
    """A flow run. `total_run_time`: seconds in Running, over all starts."""

    id: UUID
    name: str
    deployment_id: UUID | None = None
    created: datetime
    updated: datetime
    start_time: datetime | None = None
    end_time: datetime | None = None
    expected_start_time: datetime | None = None
    total_run_time: float = 0.0
    run_count: int = 0
    tags: list[str] = []
    parameters: dict[str, Any] = {}
    state: State | None = None


class TaskRun(Answer):
    id: UUID
    name: str
    task_key: str
    start_time: datetime | None = None
    end_time: datetime | None = None
    expected_start_time: datetime | None = None
    total_run_time: timedelta = timedelta()
    state: State | None = None


class Deployment(Answer):
    id: UUID
    name: str
    tags: list[str] = []


class Timing(Answer):
    """When a schedule comes: a `cron` line, or an `interval`, or a recurrence rule."""

    cron: str | None = None
    interval: timedelta | None = None
    rrule: str | None = None
    timezone: str | None = None
    #: Whether days of the month and of the week are alternatives, which only a cron line has.
    day_or: bool = True


class DeploymentSchedule(Answer):
    """`parameters`: what its runs get, besides those of the deployment."""

    id: UUID
    schedule: Timing
    active: bool
    parameters: dict[str, Any] = {}


class ScheduledDeployment(Deployment):
    """A deployment with what starts its runs. `paused`: nothing does."""

    description: str | None = None
    paused: bool = False
    parameters: dict[str, Any] = {}
    schedules: list[DeploymentSchedule] = []


class Artifact(Answer):
    id: UUID
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    updated: datetime
    flow_run_id: UUID | None = None


class LogLine(Answer):
    level: int
    timestamp: datetime
    message: str
    name: str = ""


class BlockDocument(Answer):
    """`data` as Prefect shows it: secrets are eight asterisks."""

    id: UUID
    name: str
    data: dict[str, Any]
    updated: datetime | None = None
