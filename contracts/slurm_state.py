"""Slurm's words for the state of a job, and what each of them means for who waits.

Source: Slurm's `squeue` and `sacct` manual pages ("JOB STATE CODES", "JOB REASON CODES"), 22.05 to 25.05.
"""

from __future__ import annotations

import re
from enum import StrEnum


class JobPhase(StrEnum):
    """What a state means for who waits."""

    #: It has not begun, or begins again.
    WAITING = "waiting"
    RUNNING = "running"
    #: Its processes are being ended; the next word is a final one, or it waits again.
    ENDING = "ending"
    #: This word is its last one, unless somebody queues the job again by hand.
    ENDED = "ended"
    #: A word that Slurm had not when this was written. Neither success nor failure.
    UNKNOWN = "unknown"


class JobState(StrEnum):
    """Every state by Slurm's own name. `UNRECOGNISED` stands for words that are not in its manual."""

    PENDING = "PENDING"
    CONFIGURING = "CONFIGURING"
    REQUEUED = "REQUEUED"
    REQUEUE_FED = "REQUEUE_FED"
    REQUEUE_HOLD = "REQUEUE_HOLD"
    SPECIAL_EXIT = "SPECIAL_EXIT"
    RESV_DEL_HOLD = "RESV_DEL_HOLD"
    POWER_UP_NODE = "POWER_UP_NODE"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    STOPPED = "STOPPED"
    SIGNALING = "SIGNALING"
    RESIZING = "RESIZING"
    STAGE_OUT = "STAGE_OUT"
    COMPLETING = "COMPLETING"
    UPDATE_DB = "UPDATE_DB"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    BOOT_FAIL = "BOOT_FAIL"
    LAUNCH_FAILED = "LAUNCH_FAILED"
    RECONFIG_FAIL = "RECONFIG_FAIL"
    DEADLINE = "DEADLINE"
    PREEMPTED = "PREEMPTED"
    REVOKED = "REVOKED"
    EXPEDITING = "EXPEDITING"
    UNRECOGNISED = "UNRECOGNISED"

    @property
    def phase(self) -> JobPhase:
        return _PHASES[self]


_PHASES: dict[JobState, JobPhase] = {
    JobState.PENDING: JobPhase.WAITING,
    JobState.CONFIGURING: JobPhase.WAITING,
    JobState.REQUEUED: JobPhase.WAITING,
    JobState.REQUEUE_FED: JobPhase.WAITING,
    JobState.REQUEUE_HOLD: JobPhase.WAITING,
    JobState.SPECIAL_EXIT: JobPhase.WAITING,
    JobState.RESV_DEL_HOLD: JobPhase.WAITING,
    JobState.POWER_UP_NODE: JobPhase.WAITING,
    JobState.EXPEDITING: JobPhase.WAITING,
    JobState.RUNNING: JobPhase.RUNNING,
    JobState.SUSPENDED: JobPhase.RUNNING,
    JobState.STOPPED: JobPhase.RUNNING,
    JobState.SIGNALING: JobPhase.RUNNING,
    JobState.RESIZING: JobPhase.RUNNING,
    JobState.STAGE_OUT: JobPhase.ENDING,
    JobState.COMPLETING: JobPhase.ENDING,
    JobState.UPDATE_DB: JobPhase.ENDING,
    JobState.COMPLETED: JobPhase.ENDED,
    JobState.FAILED: JobPhase.ENDED,
    JobState.CANCELLED: JobPhase.ENDED,
    JobState.TIMEOUT: JobPhase.ENDED,
    JobState.OUT_OF_MEMORY: JobPhase.ENDED,
    JobState.NODE_FAIL: JobPhase.ENDED,
    JobState.BOOT_FAIL: JobPhase.ENDED,
    JobState.LAUNCH_FAILED: JobPhase.ENDED,
    JobState.RECONFIG_FAIL: JobPhase.ENDED,
    JobState.DEADLINE: JobPhase.ENDED,
    # Queued again, it is PENDING before it is to be seen as PREEMPTED; so this word stays when it is not.
    JobState.PREEMPTED: JobPhase.ENDED,
    JobState.REVOKED: JobPhase.ENDED,
    JobState.UNRECOGNISED: JobPhase.UNKNOWN,
}

#: Shortest cut of a state that is still taken for it: `sacct` cuts at ten characters and puts a `+`.
_SHORTEST_CUT = 8


def parse_state(text: str) -> JobState:
    """The state in a cell of `squeue`, `sacct` or `scontrol`.

    `CANCELLED by 1000` names who did it; a `+` says that the column was too narrow for the word, or that parts
    of the job ended otherwise (`COMPLETED+`, `OUT_OF_ME+`); scontrol joins a state and its flags with commas or
    `+` (`COMPLETED,COMPLETING`): the phase that ends last counts.
    """
    words = text.split()
    if not words:
        return JobState.UNRECOGNISED
    *whole, last = re.split(r"[,+]", words[0].upper().removesuffix("+"))
    states = [_state_of(word, cut=False) for word in whole]
    states.append(_state_of(last, cut=words[0].endswith("+")))
    if JobState.UNRECOGNISED in states:
        return JobState.UNRECOGNISED
    return min(states, key=lambda state: _SEQUENCE[state.phase])


_SEQUENCE = {phase: position for position, phase in enumerate(JobPhase)}


def _state_of(word: str, *, cut: bool) -> JobState:
    if word in JobState.__members__:
        return JobState[word]
    if cut and len(word) >= _SHORTEST_CUT:
        fitting = [state for state in JobState if state.startswith(word)]
        if len(fitting) == 1:
            return fitting[0]
    return JobState.UNRECOGNISED


#: Reasons with which a job waits until a person does something; a run that waits for them waits for ever.
ENDLESS_REASONS: dict[str, str] = {
    "DependencyNeverSatisfied": "it depends on a job that failed",
    "JobHeldUser": "the account's owner holds it",
    "JobHeldAdmin": "an administrator holds it",
    "JobHoldMaxRequeue": "it was queued again too often and is held",
    "launch failed requeued held": "it could not be launched and is held",
    "job requeued in held state": "it was queued again and is held",
    "user env retrieval failed requeued held": "the account's environment could not be had and it is held",
    "ReservationDeleted": "its reservation was deleted",
    "BadConstraints": "no node fits what it asks for",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its QOS is not valid",
    "PartitionTimeLimit": "it asks for more time than the partition gives",
    "PartitionNodeLimit": "it asks for more nodes than the partition has",
    "AccountNotAllowed": "its account may not use the partition",
    "QOSNotAllowed": "its QOS may not be used in the partition",
    "DeadLine": "its deadline cannot be met",
    "AssocMaxWallDurationPerJobLimit": "it asks for more time than its account may",
    "QOSMaxWallDurationPerJobLimit": "it asks for more time than its QOS gives",
    "AssocMaxCpuPerJobLimit": "it asks for more processors than its account may",
    "QOSMaxCpuPerJobLimit": "it asks for more processors than its QOS gives",
    "QOSMaxMemoryPerJob": "it asks for more memory than its QOS gives",
    "AssocMaxMemPerJob": "it asks for more memory than its account may",
    "QOSMinGRES": "it asks for fewer GPUs than its QOS wants",
    "QOSMaxGRESPerJob": "it asks for more GPUs than its QOS gives",
    "AssocMaxGRESPerJob": "it asks for more GPUs than its account may",
}


def _plain(reason: str) -> str:
    """The manual writes `launch_failed_requeued_held`, squeue prints spaces."""
    return reason.strip("()").split(",", 1)[0].strip().lower().replace("_", " ")


_ENDLESS = {_plain(reason): why for reason, why in ENDLESS_REASONS.items()}


def endless_reason(reason: str) -> str | None:
    """Why a waiting job with this reason will not begin by itself; None when it may, or when nobody knows."""
    return _ENDLESS.get(_plain(reason))
