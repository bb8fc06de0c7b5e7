"""What sbatch says: the number of the job, or why there is none.

The texts are those of Slurm's own error list (`slurm_strerror`) and of sbatch, 22.05 to 25.05.
"""

from __future__ import annotations

import re
from enum import StrEnum

from contracts.failures import FailureCategory, FailureError, fail

_PARSABLE = re.compile(r"(\d{1,12})(?:;([A-Za-z0-9][A-Za-z0-9_.-]{0,63}))?")
_SENTENCE = re.compile(r"Submitted batch job (\d{1,12})(?: on cluster ([A-Za-z0-9][A-Za-z0-9_.-]{0,63}))?")


class Refusal(StrEnum):
    """What a reply without a job's number means."""

    #: Slurm looked at the job and does not take it: there is none, and there would be none the next time.
    PERMANENT = "permanent"
    #: The request did not reach Slurm, or Slurm takes none just now: there is no job, later there may be one.
    NOT_NOW = "not-now"
    #: Slurm may have taken the job before the answer was lost.
    DOUBT = "doubt"


#: Words in sbatch's error message, in lower case; the first that is found counts. What is not here is a doubt: it
#: resolves itself, because a job that was taken can be looked up.
REFUSALS: dict[str, Refusal] = {
    "socket timed out": Refusal.DOUBT,
    "zero bytes were transmitted or received": Refusal.DOUBT,
    "connection reset": Refusal.DOUBT,
    "connection timed out": Refusal.DOUBT,
    "send/recv operation": Refusal.DOUBT,
    "unable to contact slurm controller": Refusal.NOT_NOW,
    "connection refused": Refusal.NOT_NOW,
    "backup controller in standby mode": Refusal.NOT_NOW,
    "temporarily unable to accept job": Refusal.NOT_NOW,
    "resource temporarily unavailable": Refusal.NOT_NOW,
    "i/o error writing script/environment to file": Refusal.NOT_NOW,
    "requested partition configuration not available now": Refusal.NOT_NOW,
    "required partition not available": Refusal.NOT_NOW,
    "required node not available": Refusal.NOT_NOW,
    "violates accounting/qos policy": Refusal.PERMANENT,
    "requested node configuration is not available": Refusal.PERMANENT,
    "specification can not be satisfied": Refusal.PERMANENT,
    "more processors requested than permitted": Refusal.PERMANENT,
    "node count": Refusal.PERMANENT,
    "permission denied": Refusal.PERMANENT,
    "not permitted": Refusal.PERMANENT,
    "mutually exclusive": Refusal.PERMANENT,
    "unrecognized option": Refusal.PERMANENT,
    "requires an argument": Refusal.PERMANENT,
    "too long": Refusal.PERMANENT,
    "too large": Refusal.PERMANENT,
    "unable to process configuration file": Refusal.PERMANENT,
    "could not establish a configuration source": Refusal.PERMANENT,
    "command not found": Refusal.PERMANENT,
    "no such file or directory": Refusal.PERMANENT,
    "invalid": Refusal.PERMANENT,
}


def job_number(text: str) -> tuple[int, str | None] | None:
    """The job's number and, of a federation, its cluster, in what `sbatch --parsable` printed; None if there is none.

    Sites wrap sbatch with programs that print more: the last line that is nothing but a number counts, then the
    sentence that sbatch prints without --parsable.
    """
    lines = [line.strip() for line in text.splitlines()]
    for pattern in (_PARSABLE, _SENTENCE):
        for line in reversed(lines):
            match = pattern.fullmatch(line)
            if match is not None and int(match[1]) > 0:
                return int(match[1]), match[2]
    return None


def classify_refusal(reply: str) -> Refusal:
    """What sbatch's reply means when no job's number is in it."""
    said = reply.lower()
    return next((refusal for words, refusal in REFUSALS.items() if words in said), Refusal.DOUBT)


def refused(reply: str) -> FailureError:
    """The failure of a submission that certainly made no job, or may have made one.

    JOB_REFUSED, SCHEDULER_UNAVAILABLE or SUBMISSION_IN_DOUBT.
    """
    refusal = classify_refusal(reply)
    if refusal is Refusal.PERMANENT:
        return fail(
            FailureCategory.JOB_REFUSED,
            "Slurm does not take the job.",
            detail=reply,
            next_step="Ask for what the cluster has: partition, account, time, memory; then retry the run.",
        )
    if refusal is Refusal.NOT_NOW:
        return fail(
            FailureCategory.SCHEDULER_UNAVAILABLE,
            "Slurm takes no jobs just now.",
            detail=reply,
            next_step="Wait for Slurm; the step is tried again by itself.",
        )
    return in_doubt(reply)


def in_doubt(detail: str) -> FailureError:
    return fail(
        FailureCategory.SUBMISSION_IN_DOUBT,
        "It is not known yet whether Slurm took the job.",
        detail=detail,
        next_step="Wait; the job is looked up again, and submitted only when it is certain that there is none.",
    )
