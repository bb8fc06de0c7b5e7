"""Requests about the server itself: who is logged in, until when; and one that only takes time."""

from __future__ import annotations

import time
from typing import Any

import omero.cmd
from omero.rtypes import rlong, rstring, rtime

from sandbox.omero.commands.requests import CommandRefused, Job
from sandbox.omero.services.wire import load_one

#: The longest that a Timing request may take, in milliseconds; it holds the store.
_LONGEST_TIMING = 60_000


def list_sessions(request: Any, job: Job) -> Any:
    """All living sessions for administrators, one's own for everybody else."""
    server, caller = job.call.server, job.caller
    sessions = [s for s in server.sessions.all() if caller.is_admin or s.user is caller.user]
    return omero.cmd.CurrentSessionsResponse(
        sessions=[load_one(job.call, session.record, ["owner"]) for session in sessions],
        contexts=[session.event_context(session.caller({})) for session in sessions],
        data=[
            {"class": rstring("Session"), "started": rtime(int(session.record.values["started"]))}
            for session in sessions
        ],
    )


def change_timeout(request: Any, job: Job) -> Any:
    """Change how long a session may live or be idle; longer than it was is for administrators."""
    session = job.call.server.sessions.find(request.session)
    if session is None:
        raise CommandRefused(f"no session {request.session}")
    caller = job.caller
    if session.user is not caller.user and not caller.is_admin:
        raise CommandRefused("not your session")
    for name, sent in (("time_to_live", request.timeToLive), ("time_to_idle", request.timeToIdle)):
        if sent is None:
            continue
        before, after = getattr(session, name), sent.val
        if (after == 0 or (before and after > before)) and before != after and not caller.is_admin:
            raise CommandRefused("only administrators make sessions last longer")
        setattr(session, name, after)
    job.store.assign(session.record, "timeToLive", session.time_to_live)
    job.store.assign(session.record, "timeToIdle", session.time_to_idle)
    return omero.cmd.OK()


def take_time(request: Any, job: Job) -> Any:
    """Wait as long as the request says, so that clients can try their waiting."""
    milliseconds = request.steps * request.millisPerStep
    if milliseconds > _LONGEST_TIMING:
        raise CommandRefused(f"longer than {rlong(_LONGEST_TIMING).val} ms")
    time.sleep(milliseconds / 1000)
    return omero.cmd.OK()
