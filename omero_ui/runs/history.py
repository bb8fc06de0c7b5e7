"""Runs over time, as Prefect counts them by day and state, and who used what."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from omero_ui.prefect_api.answers import Answer, FlowRun, StateType
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.runs.query import STATES, RunQuery, as_filter, visible_since
from omero_ui.runs.standing import Look
from omero_ui.runs.summary import summarise
from omero_ui.visitor import Visitor

#: Runs that the use is counted over; Prefect counts none by tag, so each is read.
MOST_COUNTED = 3 * PAGE
#: Lines of each table of use.
MOST_LINES = 8

_LOOKS = {state: look for look, states in STATES.items() for state in states}


class _StateCount(Answer):
    """Sums over its runs, in seconds: in Running, and from the moment each was to start until it did."""

    state_type: StateType
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class _Interval(Answer):
    interval_start: datetime
    states: list[_StateCount]


class Day(BaseModel):
    """Runs that were to start on one day. `waited` and `ran`: means in seconds over all of them."""

    model_config = ConfigDict(frozen=True)

    begin: datetime
    counts: dict[Look, int]
    waited: float
    ran: float

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Use(BaseModel):
    """Runs by user, group and workflow, the most first. `counted`: how many were read; `cut`: there are more."""

    model_config = ConfigDict(frozen=True)

    users: tuple[tuple[str, int], ...]
    groups: tuple[tuple[str, int], ...]
    workflows: tuple[tuple[str, int], ...]
    counted: int
    cut: bool


def read_days(prefect: PrefectApi, visitor: Visitor, days: int, now: datetime) -> list[Day]:
    """The last days, oldest first, of the runs that the visitor may see. Days are of UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    body = {
        "history_start": (midnight - timedelta(days=days - 1)).isoformat(),
        "history_end": (midnight + timedelta(days=1)).isoformat(),
        "history_interval_seconds": 86400,
        "flow_runs": {"tags": _visible(visitor, now)},
    }
    return [_day(_Interval.model_validate(item)) for item in prefect.post("/flow_runs/history", body)]


def _visible(visitor: Visitor, now: datetime) -> dict[str, Any]:
    tags: dict[str, Any] = as_filter(RunQuery(), visitor, now)["tags"]
    return tags


def _day(interval: _Interval) -> Day:
    counts: Counter[Look] = Counter()
    for state in interval.states:
        counts[_LOOKS[state.state_type]] += state.count_runs
    runs = sum(counts.values())
    waited = sum(state.sum_estimated_lateness for state in interval.states)
    ran = sum(state.sum_estimated_run_time for state in interval.states)
    return Day(
        begin=interval.interval_start,
        counts=dict(counts),
        waited=waited / runs if runs else 0.0,
        ran=ran / runs if runs else 0.0,
    )


def read_use(prefect: PrefectApi, visitor: Visitor, days: int, now: datetime) -> Use:
    """Who used what in the last days, by the latest `MOST_COUNTED` runs that the visitor may see."""
    wanted = visible_since(visitor, now - timedelta(days=days))
    users: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    workflows: Counter[str] = Counter()
    read = 0
    while read < MOST_COUNTED:
        body = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_DESC", "limit": PAGE, "offset": read}
        page = [FlowRun.model_validate(item) for item in prefect.post("/flow_runs/filter", body)]
        for run in page:
            if (summary := summarise(run, now)) is not None:
                users[summary.user] += 1
                groups[summary.group] += 1
                workflows[summary.workflow or "import"] += 1
        read += len(page)
        if len(page) < PAGE:
            break
    most = [tuple(counter.most_common(MOST_LINES)) for counter in (users, groups, workflows)]
    return Use(users=most[0], groups=most[1], workflows=most[2], counted=read, cut=read >= MOST_COUNTED)
