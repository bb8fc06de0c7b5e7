"""What a list of runs is narrowed to: it stands in the page's address, so that it can be kept and sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.analysis_run import WorkflowName
from contracts.failures import FailureCategory, fail
from contracts.run_tags import HOUSEKEEPING, ORDERED, RunKind, kind_tag, user_tag, workflow_tag
from omero_ui.prefect_api.answers import StateType
from omero_ui.runs.standing import Look
from omero_ui.runs.visible import may_see_batches, visible_tags
from omero_ui.visitor import Visitor

#: Runs on a page.
ROWS = 50


class Since(StrEnum):
    """How far back; by the moment a run was to start, which Prefect has an index for."""

    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "365d"
    EVER = "ever"

    @property
    def span(self) -> timedelta | None:
        return None if self is Since.EVER else timedelta(days=int(self.value.removesuffix("d")))


#: The states of Prefect that have a look.
STATES: dict[Look, tuple[StateType, ...]] = {
    Look.WAITING: (StateType.SCHEDULED, StateType.PENDING, StateType.PAUSED),
    Look.RUNNING: (StateType.RUNNING, StateType.CANCELLING),
    Look.DONE: (StateType.COMPLETED,),
    Look.FAILED: (StateType.FAILED,),
    Look.CANCELLED: (StateType.CANCELLED,),
    Look.UNKNOWN: (StateType.CRASHED,),
}


class RunQuery(BaseModel):
    """`text`: a part of a run's title, or its UUID. `mine`: only the visitor's own. `page` counts from 1."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str = Field(default="", max_length=200)
    kind: RunKind | None = None
    state: Look | None = None
    workflow: WorkflowName | None = None
    since: Since = Since.WEEK
    mine: bool = False
    page: int = Field(default=1, ge=1, le=2000)

    @property
    def token(self) -> UUID | None:
        """The UUID that was searched for."""
        try:
            return UUID(self.text.strip())
        except ValueError:
            return None

    @property
    def is_narrowed(self) -> bool:
        """Whether an empty list may only mean that nothing fits."""
        return self != RunQuery(page=self.page)

    def as_fields(self, **changes: object) -> list[tuple[str, str]]:
        """Names and values of a form or an address; what is as usual is left out."""
        usual = RunQuery().model_dump(mode="json")
        values = self.model_dump(mode="json") | changes
        return [
            (name, "yes" if value is True else str(value)) for name, value in values.items() if value != usual[name]
        ]

    def address(self, **changes: object) -> str:
        """The query string of this list with some values changed."""
        return urlencode(self.as_fields(**changes))


def read_query(given: Mapping[str, str]) -> RunQuery:
    """
    Raises:
        FailureError: BAD_REQUEST, naming what is not right.
    """
    values = {name: given[name] for name in RunQuery.model_fields if given.get(name)}
    try:
        return RunQuery.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The list cannot be narrowed like that.",
            detail=wrong,
            next_step="Choose again from the menus above the list.",
        ) from error


def as_filter(query: RunQuery, visitor: Visitor, now: datetime) -> dict[str, Any]:
    """Prefect's filter of flow runs. What the visitor may not see is never asked for."""
    # A batch is nobody's; without the right to see it, there is none to find.
    every = [HOUSEKEEPING if query.kind is RunKind.BATCH and may_see_batches(visitor) else ORDERED]
    if query.kind is not None:
        every.append(kind_tag(query.kind))
    if query.workflow is not None:
        every.append(workflow_tag(query.workflow))
    if query.mine:
        every.append(user_tag(visitor.name))
    tags: dict[str, Any] = {"all_": every}
    if (visible := visible_tags(visitor)) is not None:
        tags["any_"] = visible
    wanted: dict[str, Any] = {"tags": tags}
    if query.state is not None:
        wanted["state"] = {"type": {"any_": [state.value for state in STATES[query.state]]}}
    if query.token is not None:
        # Whoever has a token wants that run, however old it is.
        return wanted | {"idempotency_key": {"any_": [str(query.token)]}}
    if query.text.strip():
        wanted["name"] = {"like_": _plain(query.text.strip())}
    if (span := query.since.span) is not None:
        wanted["expected_start_time"] = {"after_": (now - span).isoformat()}
    return wanted


def visible_since(visitor: Visitor, begin: datetime) -> dict[str, Any]:
    """Prefect's filter of the runs since a moment that the visitor may see."""
    wanted = as_filter(RunQuery(since=Since.EVER), visitor, begin)
    return wanted | {"expected_start_time": {"after_": begin.isoformat()}}


def visible_between(visitor: Visitor, begin: datetime, end: datetime) -> dict[str, Any]:
    """The same of those that were to start from one moment to another, both included."""
    wanted = visible_since(visitor, begin)
    return wanted | {"expected_start_time": {"after_": begin.isoformat(), "before_": end.isoformat()}}


def _plain(text: str) -> str:
    """For Prefect's ILIKE: what a user types has no wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
