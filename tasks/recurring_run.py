"""What the schedule starts again and again (the cluster's watcher, the bridge to BIOMERO): is it at work?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prefect.client.schemas.objects import FlowRun

from contracts.failures import FailureCategory, fail
from tasks.watcher import LATELY


@dataclass(frozen=True)
class Absence:
    """What is said when it is not at work. `start` and `mend`: what to do when none began, and when the last failed."""

    nobody_ever: str
    #: What nobody has done since a moment, and what waits therefore.
    nobody_has: str
    in_vain: str
    the_last: str
    failed: str
    start: str
    mend: str


@dataclass(frozen=True)
class AtWork:
    """`seen`: when it last was; now, when it runs."""

    began: datetime
    seen: datetime
    is_running: bool


def look_at(latest: FlowRun | None, now: datetime, absence: Absence) -> AtWork:
    """How the one that began last stands.

    Raises:
        FailureError: NOT_CONFIGURED: none ever began, or none for long, or the last one failed.
    """
    state = None if latest is None else latest.state
    if latest is None or state is None or latest.start_time is None:
        raise fail(FailureCategory.NOT_CONFIGURED, absence.nobody_ever, next_step=absence.start)
    seen = now if state.is_running() else latest.end_time or state.timestamp
    if now - seen > LATELY:
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"{absence.nobody_has} since {seen:%Y-%m-%d %H:%M} UTC; {absence.in_vain}",
            detail=f"{absence.the_last} is {state.name}: {state.message or 'no message'}",
            next_step=absence.start,
        )
    if state.is_failed() or state.is_crashed():
        raise fail(FailureCategory.NOT_CONFIGURED, absence.failed, detail=state.message or "", next_step=absence.mend)
    return AtWork(latest.start_time, seen, state.is_running())
