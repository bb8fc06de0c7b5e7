"""Admin › Schedules: what comes by itself, and when. For OMERO's admins alone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from zoneinfo import available_timezones

from contracts.cron_words import say_cron
from contracts.failures import FailureError
from omero_ui.administration.pages import go_to, read_token
from omero_ui.administration.schedule_changes import change_time, read_time, start_now, switch
from omero_ui.administration.schedules import find_schedule, next_moments, read_schedules
from omero_ui.page import NotThere, Request, Response, page, show
from omero_ui.prefect_api.connection import prefect
from omero_ui.visitor import Visitor


@page("admin", admins_only=True)
def show_schedules(request: Request, visitor: Visitor) -> Response:
    schedules = read_schedules(prefect(), datetime.now(UTC))
    context = {
        "by_the_clock": [one for one in schedules if one.cron is not None],
        "all_the_time": [one for one in schedules if one.cron is None],
        "zones": sorted(available_timezones()),
        "token": uuid.uuid4(),
        "part": "schedules",
    }
    return show(request, visitor, "omero_ui/administration/schedules.html", context)


@page("admin", admins_only=True)
def preview(request: Request, visitor: Visitor) -> Response:
    """What a cron line in a time zone means, before it is saved; or what is wrong with it."""
    try:
        cron, timezone = read_time(request.GET.get("cron", ""), request.GET.get("timezone", "").strip())
    except FailureError as error:
        context: dict[str, object] = {"wrong": error.failure.summary}
    else:
        context = {"when": say_cron(cron), "next": next_moments(cron, timezone, datetime.now(UTC))}
    return show(request, visitor, "omero_ui/administration/schedule_preview.html", context, framed=False)


@page("admin", methods=("POST",), admins_only=True)
def change(request: Request, visitor: Visitor, deployment: uuid.UUID, schedule: uuid.UUID) -> Response:
    found = find_schedule(prefect(), deployment, schedule, datetime.now(UTC))
    change_time(prefect(), found, request.POST.get("cron", ""), request.POST.get("timezone", "").strip())
    return go_to("flows:admin_schedules")


@page("admin", methods=("POST",), admins_only=True)
def turn(request: Request, visitor: Visitor, deployment: uuid.UUID, schedule: uuid.UUID, how: str) -> Response:
    """`on` or `off`: pressed twice, it is what the button said."""
    if how not in ("on", "off"):
        raise NotThere
    switch(prefect(), find_schedule(prefect(), deployment, schedule, datetime.now(UTC)), on=how == "on")
    return go_to("flows:admin_schedules")


@page("admin", methods=("POST",), admins_only=True)
def start(request: Request, visitor: Visitor, deployment: uuid.UUID, schedule: uuid.UUID) -> Response:
    found = find_schedule(prefect(), deployment, schedule, datetime.now(UTC))
    start_now(prefect(), found, read_token(request))
    return go_to("flows:admin_schedules")
