"""The schedules of the site's deployments, whichever there are in Prefect: when they come, how they ended last."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict

from contracts.cron import Cron, read_cron
from contracts.cron_words import say_cron
from contracts.run_tags import HOUSEKEEPING, ORDERED
from omero_ui.page import NotThere
from omero_ui.prefect_api.answers import FlowRun, ScheduledDeployment, Timing
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.runs.standing import Standing, standing_of
from omero_ui.runs.summary import MOST_SAID

#: Moments that are told ahead.
MOST_NEXT = 3


class LastRun(BaseModel):
    """`said`: its own last words."""

    model_config = ConfigDict(frozen=True)

    flow_run: uuid.UUID
    standing: Standing
    at: datetime | None
    said: str


class Schedule(BaseModel):
    """A schedule of a deployment. `cron`: its line, None for one that is counted in seconds, or in another way of
    Prefect's. `next`: when it comes, none while it is off. `parameters`: what its runs get,
    of which `own_parameters` are the schedule's alone.
    """

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    deployment: uuid.UUID
    name: str
    description: str
    when: str
    cron: str | None
    timezone: str
    is_on: bool
    is_paused: bool
    next: tuple[datetime, ...]
    parameters: dict[str, object]
    own_parameters: dict[str, object]
    last: LastRun | None

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()

    @property
    def comes(self) -> bool:
        """Whether it comes by itself."""
        return self.is_on and not self.is_paused

    @property
    def is_under_way(self) -> bool:
        return self.last is not None and not self.last.standing.is_final


def read_schedules(prefect: PrefectApi, now: datetime) -> list[Schedule]:
    """All of them, by name."""
    wanted = {"deployments": {"tags": {"any_": [ORDERED, HOUSEKEEPING]}}, "sort": "NAME_ASC", "limit": PAGE}
    found = [ScheduledDeployment.model_validate(item) for item in prefect.post("/deployments/filter", wanted)]
    return [schedule for deployment in found for schedule in _schedules(prefect, deployment, now)]


def find_schedule(prefect: PrefectApi, deployment: uuid.UUID, schedule: uuid.UUID, now: datetime) -> Schedule:
    """
    Raises:
        NotThere: there is none, or it is not of a deployment of this site's.
    """
    found = prefect.get(f"/deployments/{deployment}")
    if found is not None and {ORDERED, HOUSEKEEPING} & set(found.get("tags", ())):
        for one in _schedules(prefect, ScheduledDeployment.model_validate(found), now):
            if one.id == schedule:
                return one
    raise NotThere


def _schedules(prefect: PrefectApi, deployment: ScheduledDeployment, now: datetime) -> list[Schedule]:
    if not deployment.schedules:
        return []
    last = _last_run(prefect, deployment, now)
    made = []
    for item in deployment.schedules:
        zone, line = item.schedule.timezone or "UTC", item.schedule.cron
        cron = None if line is None or not item.schedule.day_or else _readable(line)
        comes = item.active and not deployment.paused
        made.append(
            Schedule(
                id=item.id,
                deployment=deployment.id,
                name=deployment.name,
                description=deployment.description or "",
                when=_say(item.schedule, cron),
                cron=line,
                timezone=zone,
                is_on=item.active,
                is_paused=deployment.paused,
                next=next_moments(cron, zone, now) if cron is not None and comes else (),
                parameters=deployment.parameters | item.parameters,
                own_parameters=item.parameters,
                last=last,
            )
        )
    return made


def next_moments(cron: Cron, timezone: str, now: datetime) -> tuple[datetime, ...]:
    """None where this machine does not know the zone, which Prefect's may."""
    if timezone not in available_timezones():
        return ()
    return tuple(islice(cron.moments(ZoneInfo(timezone), now), MOST_NEXT))


def _readable(line: str) -> Cron | None:
    """None for a line in which Prefect reads more than this panel does."""
    try:
        return read_cron(line)
    except ValueError:
        return None


def _say(timing: Timing, cron: Cron | None) -> str:
    if cron is not None:
        return say_cron(cron)
    if timing.interval is not None:
        return f"every {say_interval(timing.interval)}"
    return f"as Prefect reads {timing.cron or timing.rrule!r}"


def say_interval(interval: timedelta) -> str:
    """`5 minutes`, `1 hour 30 minutes`."""
    left, told = int(interval.total_seconds()), []
    for word, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        told += [f"{count} {word}{'' if count == 1 else 's'}"] if count else []
    return " ".join(told) or "moment"


def _last_run(prefect: PrefectApi, deployment: ScheduledDeployment, now: datetime) -> LastRun | None:
    """Of those that were due, the latest: also one that took no place, because the one before was at work."""
    wanted = {
        "deployments": {"id": {"any_": [str(deployment.id)]}},
        "flow_runs": {"expected_start_time": {"before_": now.isoformat()}},
        "sort": "EXPECTED_START_TIME_DESC",
        "limit": 1,
    }
    return _told(FlowRun.model_validate(item) for item in prefect.post("/flow_runs/filter", wanted))


def _told(runs: Iterable[FlowRun]) -> LastRun | None:
    run = next(iter(runs), None)
    if run is None:
        return None
    return LastRun(
        flow_run=run.id,
        standing=standing_of(run.state),
        at=run.end_time or run.start_time or run.expected_start_time,
        said=(run.state.message or "")[:MOST_SAID] if run.state is not None else "",
    )
