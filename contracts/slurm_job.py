"""A job of Slurm: as it was submitted, as it stands in the queue, as it ended, and what it used."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.base import Contract, Moment, Token
from contracts.cluster_path import ClusterPath
from contracts.failures import Failure
from contracts.slurm_state import JobPhase, JobState, endless_reason

#: Slurm's number of a job; of a job array the number of the whole. Numbers come again after a reset of Slurm.
JobNumber = Annotated[int, Field(ge=1)]
#: A task of the job: an index of the job array; a job that is no array is task 0.
Task = Annotated[int, Field(ge=0)]
Tasks = Annotated[tuple[Task, ...], Field(strict=False)]
#: The n-th submission of a run; each has its own folder.
AttemptNumber = Annotated[int, Field(ge=1, le=999)]
#: A member of a federation of clusters, as `sbatch --parsable` names it after the `;`.
ClusterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
State = Annotated[JobState, Field(strict=False)]


class SubmittedJob(Contract):
    """A job that Slurm has taken. `submitted` is by the cluster's clock and never later than Slurm's own.

    `scratch`: the cluster's folder in which its run has its own; None in jobs of before it was kept.
    """

    token: Token
    attempt: AttemptNumber
    number: JobNumber
    tasks: Tasks
    submitted: Moment
    cluster: ClusterName | None = None
    scratch: ClusterPath | None = None


class QueuedJob(Contract):
    """A job, or a task of one, as `squeue` shows it. `task` is None for a job that is no array.

    `start`: Slurm's estimate for one that waits (None: it has none), the moment for one that runs. `name` and
    `folder` (the job's working directory) tell a job of ours from one that was given its number again.
    """

    number: JobNumber
    task: Task | None
    state: State
    #: Slurm's own word, for a state that is not recognised.
    word: str
    reason: str
    start: Moment | None
    name: str
    folder: str

    @property
    def phase(self) -> JobPhase:
        return self.state.phase

    @property
    def stuck(self) -> str | None:
        """Why this job will not begin unless somebody does something; None when it may begin by itself."""
        return endless_reason(self.reason) if self.phase is JobPhase.WAITING else None


def endless_wait(rows: Iterable[QueuedJob]) -> str | None:
    """Why nothing of a job goes on unless somebody does something; None when any task of it runs, or may begin."""
    open_rows = [row for row in rows if row.phase is not JobPhase.ENDED]
    reasons = [row.stuck for row in open_rows]
    return reasons[0] if reasons and None not in reasons else None


class Accounting(Contract):
    """What Slurm wrote down of one task: who used what.

    `exit_code` and `signal` are of the batch script. `elapsed_seconds`: wall clock of the last start;
    `cpu_seconds`: user and system time of all its processes; `max_rss`: bytes of the largest step, None when it
    was not sampled (a task shorter than the sampling interval). `allocated`: the trackable resources (TRES).
    `raw`: the lines as they came.
    """

    number: JobNumber
    task: Task | None
    state: State
    word: str
    exit_code: int
    signal: int
    elapsed_seconds: Annotated[int, Field(ge=0)]
    cpu_seconds: Annotated[float, Field(ge=0)]
    max_rss: Annotated[int, Field(ge=0)] | None
    node: str
    allocated: str
    started: Moment | None
    ended: Moment | None
    name: str
    folder: str
    raw: str


class TaskExit(Contract):
    """What the job's own trap wrote when a task ended.

    `code`: 0 only if the container ended with 0 and its results lie in the output folder. `signal`: the name of the
    signal that ended it early. `time_limit`: it had then run for as long as it may. `restarts`: how often Slurm had
    queued it again before.
    """

    task: Task
    code: Annotated[int, Field(ge=0, le=255)]
    signal: str | None
    time_limit: bool
    restarts: Annotated[int, Field(ge=0)]
    number: JobNumber
    node: str
    started: Moment
    ended: Moment


class Witness(StrEnum):
    """Who said how a task ended, the best first."""

    #: The job's own trap.
    JOB = "job"
    SQUEUE = "squeue"
    SACCT = "sacct"
    SCONTROL = "scontrol"
    NOBODY = "nobody"


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: It waits, runs, or was queued again.
    NOT_ENDED = "not-ended"
    #: Nobody can tell, yet.
    UNKNOWN = "unknown"


class TaskVerdict(Contract):
    """How one task ended. `failure` is there if and only if the outcome is FAILED; `log` is the end of its output.

    `exit_code` and `restarts` (how often it was queued again) are what the job's own trap wrote; `state` is Slurm's
    word for it, where Slurm still knows the job.
    """

    task: Task
    outcome: Annotated[Outcome, Field(strict=False)]
    witness: Annotated[Witness, Field(strict=False)]
    exit_code: int | None = None
    state: State | None = None
    restarts: Annotated[int, Field(ge=0)] = 0
    accounting: Accounting | None = None
    failure: Failure | None = None
    log: str = ""
