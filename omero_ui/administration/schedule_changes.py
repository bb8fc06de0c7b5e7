"""Changing a schedule: when it comes, in which zone, whether it comes at all; and starting one now."""

from __future__ import annotations

import uuid
from zoneinfo import available_timezones

from contracts.cron import Cron, read_cron
from contracts.failures import FailureCategory, fail
from omero_ui.administration.schedules import Schedule
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import start_deployment


def read_time(line: str, timezone: str) -> tuple[Cron, str]:
    """What was filled in.

    Raises:
        FailureError: BAD_REQUEST; names every field that is wrong.
    """
    wrong = []
    cron: Cron | None = None
    try:
        cron = read_cron(line)
    except ValueError as error:
        wrong.append(f"Cron: {error}.")
    if timezone not in available_timezones():
        wrong.append(f"Time zone: there is no {timezone[:60]!r}; one is called Europe/Berlin, another UTC.")
    if cron is None or wrong:
        raise fail(
            FailureCategory.BAD_REQUEST,
            " ".join(wrong),
            next_step="Correct it; nothing was changed, and what you typed is still here.",
        )
    return cron, timezone


def change_time(prefect: PrefectApi, schedule: Schedule, line: str, timezone: str) -> None:
    """
    Raises:
        FailureError: BAD_REQUEST.
    """
    _require_cron(schedule)
    read_time(line, timezone)
    _save(prefect, schedule, is_on=schedule.is_on, timing={"cron": " ".join(line.split()), "timezone": timezone})


def switch(prefect: PrefectApi, schedule: Schedule, *, on: bool) -> None:
    """
    Raises:
        FailureError: BAD_REQUEST.
    """
    _require_cron(schedule)
    _save(prefect, schedule, is_on=on, timing=None)


def start_now(prefect: PrefectApi, schedule: Schedule, token: uuid.UUID) -> None:
    """A run as the schedule would start it, once for each `token`, which a page has. It need not be on.

    Raises:
        FailureError: BAD_REQUEST; NOT_CONFIGURED when there is no such deployment any more.
    """
    _require_cron(schedule)
    if schedule.is_under_way:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{schedule.title} waits to start or is at work already.",
            next_step="Let it end first, or cancel it in the Prefect UI.",
        )
    start_deployment(prefect, schedule.deployment, schedule.parameters, token)


def _require_cron(schedule: Schedule) -> None:
    if schedule.cron is None:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{schedule.title} watches all the time, and is not changed here.",
            next_step="The Prefect UI changes it.",
        )


def _save(prefect: PrefectApi, schedule: Schedule, *, is_on: bool, timing: dict[str, str] | None) -> None:
    """Prefect empties the parameters of a schedule whose change does not name them."""
    body: dict[str, object] = {"active": is_on, "parameters": schedule.own_parameters}
    if timing is not None:
        body["schedule"] = timing
    prefect.patch(f"/deployments/{schedule.deployment}/schedules/{schedule.id}", body)
