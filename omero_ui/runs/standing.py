"""How a run stands, in a microscopist's words. The same look everywhere: icon, word and colour."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from contracts.failures import WAITING
from omero_ui.prefect_api.answers import State, StateType


class Look(StrEnum):
    """The six looks of `assets/styles/states.css`."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Standing(NamedTuple):
    look: Look
    words: str

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.look in (Look.DONE, Look.FAILED, Look.CANCELLED)


#: By Prefect's name of the state, where that says more than its type.
_BY_NAME = {
    "Suspended": Standing(Look.WAITING, "Waiting for the cluster"),
    "Late": Standing(Look.WAITING, "Waiting for a worker"),
    "AwaitingRetry": Standing(Look.WAITING, "About to be tried again"),
    "Resuming": Standing(Look.WAITING, "About to go on"),
    # BIOMERO never wrote how it ended (contracts/migrated_run.py).
    "Unfinished": Standing(Look.CANCELLED, "Unfinished in BIOMERO"),
    "TimedOut": Standing(Look.FAILED, "Failed: it took too long"),
}

_BY_TYPE = {
    StateType.SCHEDULED: Standing(Look.WAITING, "Waiting for a worker"),
    StateType.PENDING: Standing(Look.WAITING, "Starting"),
    StateType.RUNNING: Standing(Look.RUNNING, "Running"),
    StateType.PAUSED: Standing(Look.WAITING, "Paused"),
    StateType.CANCELLING: Standing(Look.RUNNING, "Being cancelled"),
    StateType.COMPLETED: Standing(Look.DONE, "Done"),
    StateType.FAILED: Standing(Look.FAILED, "Failed"),
    StateType.CANCELLED: Standing(Look.CANCELLED, "Cancelled"),
    # The automation of deployments/automations.py starts it again.
    StateType.CRASHED: Standing(Look.UNKNOWN, "Interrupted; it is started again"),
}


def standing_of(state: State | None) -> Standing:
    """A run without a state is one that Prefect has just been told of."""
    if state is None:
        return Standing(Look.UNKNOWN, "Just placed")
    if state.name.startswith(WAITING):
        return Standing(Look.WAITING, f"{state.name}, which is away")
    return _BY_NAME.get(state.name) or _BY_TYPE[state.type]
