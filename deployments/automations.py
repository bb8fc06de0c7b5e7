"""The automations that bring back a run whose process died, with no human.

Tried on Prefect 3.8.8. A worker that lives marks a run whose process died as Crashed within a second.
When the worker died too, nothing does; then the missing heartbeats (one every 30 s) do. What the server did not hear of
because it was away or was killed is found by `flows/restart_crashed.py`.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from contracts.automation_name import AutomationName
from contracts.failures import AWAITED, WAITING
from tasks.crash_limit import MOST_RUNS

#: Two heartbeats of 30 s are missed.
SILENCE = timedelta(seconds=65)
#: A flow's process starts within seconds, on a loaded machine within a minute; one that was killed before it said so
#: is started again. Shorter, this struck runs that were merely slow, and two processes met at one order.
SLOW_START = timedelta(seconds=180)
#: A worker reports a dead process twice, 30 s apart; a run that is started again in between would be
#: crashed by the second report. Once it is Crashed the second report changes nothing.
SECOND_REPORT = timedelta(seconds=45)
SILENT = "No heartbeat"
#: A run that crashes before it begins (a kill while its process starts) has not reached our code, nor does its run
#: count grow: it is ended after so many crashes.
MOST_CRASHES_BEFORE_BEGIN = 5
CRASHES_COUNTED = timedelta(hours=2)

_EVERY_RUN = {"prefect.resource.id": ["prefect.flow-run.*"]}
_BOUNDED_RUN = {**_EVERY_RUN, "prefect.run-count": [str(count) for count in range(MOST_RUNS)]}
_UNBEGUN_RUN = {**_EVERY_RUN, "prefect.run-count": ["0"]}
#: Orders and runs, and what serves them: a watcher of the cluster that died is missed by every run that waits.
_OURS = {
    "prefect.resource.role": ["tag"],
    "prefect.resource.id": ["prefect.tag.omero-flows", "prefect.tag.omero-flows-housekeeping"],
}
_ENDED = {
    f"prefect.flow-run.{state}"
    for state in (
        "Completed",
        "Failed",
        "Cancelled",
        "Crashed",
        "Cancelling",
        "Suspended",
        "Paused",
        "TimedOut",
        "AwaitingRetry",
        "Scheduled",
        "Restarted",
        *(f"{WAITING}{who}" for who in AWAITED.values()),
    )
}


def automations() -> list[AutomationCore]:
    """What `omero-flows deploy` makes; each is known by its name."""
    return [
        AutomationCore(
            name=AutomationName.NO_HEARTBEAT.value,
            description="A run that was alive and has been silent for 65 s has lost its process.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.heartbeat", *_ENDED},
                match=_EVERY_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SILENCE,
            ),
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"{SILENT} for 65 s: its process is gone.")],
        ),
        AutomationCore(
            name=AutomationName.NEVER_STARTED.value,
            description="A run that a worker took and that did not begin within three minutes goes back to the queue.",
            trigger=EventTrigger(
                after={"prefect.flow-run.Pending"},
                expect={"prefect.flow-run.Running", *_ENDED},
                match=_EVERY_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SLOW_START,
            ),
            actions=[_start_again("It did not begin within three minutes.")],
        ),
        AutomationCore(
            name=AutomationName.SILENT.value,
            description="Nobody is left who could report on a run that was found by its silence.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Crashed"},
                match={**_BOUNDED_RUN, "prefect.state-message": [f"{SILENT}*"]},
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[_start_again("Its process was gone; started again.")],
        ),
        AutomationCore(
            name=AutomationName.CRASHED.value,
            description="Finished steps are remembered, so that a crashed run continues where it was.",
            trigger=EventTrigger(
                after={"prefect.flow-run.Crashed"},
                expect=_ENDED - {"prefect.flow-run.Crashed"} | {"prefect.flow-run.Pending", "prefect.flow-run.Running"},
                match=_BOUNDED_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SECOND_REPORT,
            ),
            actions=[_start_again("Its process died; started again.")],
        ),
        AutomationCore(
            name=AutomationName.NEVER_BEGUN.value,
            description="A run whose process dies before our code runs, again and again, is ended.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Crashed"},
                match=_UNBEGUN_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=MOST_CRASHES_BEFORE_BEGIN,
                within=CRASHES_COUNTED,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.FAILED,
                    message=f"Its process died {MOST_CRASHES_BEFORE_BEGIN} times before the flow began;"
                    " look into the worker's log, then retry it.",
                    force=True,
                )
            ],
        ),
    ]


def _start_again(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.SCHEDULED, name="Restarted", message=message, force=True)
