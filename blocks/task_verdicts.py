"""How each task of a job ended, from what the job itself, squeue, sacct and scontrol say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from blocks.job_script import CANNOT_WRITE
from contracts.failures import Failure, FailureCategory, fail
from contracts.slurm_job import Accounting, Outcome, QueuedJob, Task, TaskExit, TaskVerdict, Witness, endless_wait
from contracts.slurm_state import JobPhase, JobState

#: States that name a reason; the others leave it to the exit code.
CATEGORIES: dict[JobState, FailureCategory] = {
    JobState.OUT_OF_MEMORY: FailureCategory.JOB_OUT_OF_MEMORY,
    JobState.TIMEOUT: FailureCategory.JOB_TIMED_OUT,
    JobState.DEADLINE: FailureCategory.JOB_TIMED_OUT,
    JobState.CANCELLED: FailureCategory.JOB_CANCELLED,
    JobState.REVOKED: FailureCategory.JOB_CANCELLED,
    JobState.PREEMPTED: FailureCategory.JOB_PREEMPTED,
    JobState.NODE_FAIL: FailureCategory.NODE_FAILED,
    JobState.BOOT_FAIL: FailureCategory.NODE_FAILED,
    JobState.LAUNCH_FAILED: FailureCategory.NODE_FAILED,
    JobState.RECONFIG_FAIL: FailureCategory.NODE_FAILED,
    JobState.FAILED: FailureCategory.JOB_FAILED,
}
_NEXT_STEPS: dict[FailureCategory, str] = {
    FailureCategory.JOB_OUT_OF_MEMORY: "Ask for more memory, or smaller batches, and retry the run.",
    FailureCategory.JOB_TIMED_OUT: "Ask for more minutes, or smaller batches, and retry the run.",
    FailureCategory.JOB_CANCELLED: "Retry the run if you want it after all.",
    FailureCategory.JOB_PREEMPTED: "Retry the run, perhaps with another partition.",
    FailureCategory.NODE_FAILED: "Retry the run.",
    FailureCategory.JOB_FAILED: "Read the end of its log.",
    FailureCategory.JOB_STUCK: "Let the cluster's administrators remove what holds it, then retry the run.",
    FailureCategory.JOB_UNKNOWN: "Look at the run's folder on the cluster, then retry the run.",
}
_SUMMARIES: dict[FailureCategory, str] = {
    FailureCategory.JOB_OUT_OF_MEMORY: "needed more memory than it had asked for",
    FailureCategory.JOB_TIMED_OUT: "did not end within its time limit",
    FailureCategory.JOB_CANCELLED: "was cancelled on the cluster",
    FailureCategory.JOB_PREEMPTED: "had to give way to other jobs and was not queued again",
    FailureCategory.NODE_FAILED: "ran on a node that failed, and was not queued again",
    FailureCategory.JOB_UNKNOWN: "has ended, and nobody can tell how",
}


Row = TypeVar("Row", QueuedJob, Accounting)


@dataclass(frozen=True)
class JobEvidence:
    """What is known of a job's tasks. `logs`: the end of what a task printed."""

    queued: Sequence[QueuedJob] = ()
    exits: Sequence[TaskExit] = ()
    accounted: Sequence[Accounting] = ()
    accountant: Witness = Witness.SACCT
    logs: Mapping[Task, str] | None = None


def judge(tasks: Iterable[Task], evidence: JobEvidence, *, overdue: bool, given_up: bool = False) -> list[TaskVerdict]:
    """A verdict for each task. `overdue`: nobody has known how the job ended for longer than the block allows.
    `given_up`: it has waited for what does not come by itself for longer than the block allows.

    A task that squeue shows as waiting, running or ending has not ended, whatever the job's trap wrote at an earlier
    start. Then the trap's word counts, then Slurm's. Success is only what the trap says, and it says so when the
    results lie there; Slurm has a veto: a job whose processes were killed for memory has not succeeded, even if the
    workflow did not notice. That a job is not to be seen says nothing.
    """
    queued = _by_task(evidence.queued)
    stuck = endless_wait(evidence.queued) if given_up else None
    accounted = _by_task(evidence.accounted)
    exits = {entry.task: entry for entry in evidence.exits}
    verdicts = []
    for task in tasks:
        row = queued.get(task, queued.get(None))
        account = accounted.get(task, accounted.get(None))
        if stuck is not None and row is not None and row.phase is not JobPhase.ENDED:
            verdicts.append(_stuck(task, row, row.stuck or stuck))
            continue
        verdict = _judge_one(task, row, exits.get(task), account, evidence.accountant, overdue=overdue)
        log = (evidence.logs or {}).get(task, "")
        verdicts.append(verdict.model_copy(update={"log": log}) if log else verdict)
    return verdicts


def _judge_one(
    task: Task,
    row: QueuedJob | None,
    end: TaskExit | None,
    account: Accounting | None,
    accountant: Witness,
    *,
    overdue: bool,
) -> TaskVerdict:
    restarts = 0 if end is None else end.restarts
    if row is not None and row.phase is not JobPhase.ENDED:
        return TaskVerdict(task=task, outcome=Outcome.NOT_ENDED, witness=Witness.SQUEUE, state=row.state)
    state, witness = _slurms_word(row, account, accountant)
    if end is not None:
        if end.code == 0 and state is not JobState.OUT_OF_MEMORY:
            outcome, failure = Outcome.SUCCEEDED, None
        else:
            outcome, failure = Outcome.FAILED, _failure(task, _category(state, end), state, end, account)
        return TaskVerdict(
            task=task,
            outcome=outcome,
            witness=Witness.JOB,
            exit_code=end.code,
            state=state,
            restarts=restarts,
            accounting=account,
            failure=failure,
        )
    # COMPLETED without the trap's word: its file has not come to the login node yet, or the folder was emptied.
    if state in CATEGORIES:
        outcome, failure = Outcome.FAILED, _failure(task, CATEGORIES[state], state, None, account)
    elif overdue:
        outcome, failure = Outcome.FAILED, _failure(task, FailureCategory.JOB_UNKNOWN, state, None, account)
    else:
        outcome, failure = Outcome.UNKNOWN, None
    return TaskVerdict(
        task=task,
        outcome=outcome,
        witness=witness,
        state=state,
        accounting=account,
        failure=failure,
    )


def _stuck(task: Task, row: QueuedJob, why: str) -> TaskVerdict:
    failure = fail(
        FailureCategory.JOB_STUCK,
        f"Task {task} of the job waited too long for what does not come by itself: {why}.",
        detail=f"Slurm says {row.word} ({row.reason}); the job was cancelled",
        next_step=_NEXT_STEPS[FailureCategory.JOB_STUCK],
    ).failure
    return TaskVerdict(task=task, outcome=Outcome.FAILED, witness=Witness.SQUEUE, state=row.state, failure=failure)


def _slurms_word(
    row: QueuedJob | None, account: Accounting | None, accountant: Witness
) -> tuple[JobState | None, Witness]:
    if row is not None:
        return row.state, Witness.SQUEUE
    if account is not None:
        return account.state, accountant
    return None, Witness.NOBODY


def _category(state: JobState | None, end: TaskExit) -> FailureCategory:
    named = None if state is None else CATEGORIES.get(state)
    if named is not None and named is not FailureCategory.JOB_FAILED:
        return named
    if end.time_limit:
        return FailureCategory.JOB_TIMED_OUT
    return FailureCategory.JOB_FAILED if end.signal is None else FailureCategory.JOB_CANCELLED


def _failure(
    task: Task, category: FailureCategory, state: JobState | None, end: TaskExit | None, account: Accounting | None
) -> Failure:
    what = _SUMMARIES.get(category) or (
        "failed" if end is None else f"ended with exit code {end.code}{' (killed)' if end.code == 137 else ''}"
    )
    code = None if account is None else account.exit_code
    witnesses = ["Slurm does not know it any more" if state is None else f"Slurm says {state.value}"]
    if end is not None:
        code = end.code
        told = "" if end.signal is None else f" after SIG{end.signal}"
        witnesses.append(f"the job wrote exit code {end.code}{told} on {end.node}")
    elif code:
        witnesses.append(f"its script ended with {code}")
    if code == CANNOT_WRITE:
        witnesses.append(f"{CANNOT_WRITE} also means that it could not write into the run's folder: is the disk full?")
    return fail(
        category, f"Task {task} of the job {what}.", detail="; ".join(witnesses), next_step=_NEXT_STEPS[category]
    ).failure


def _by_task(rows: Sequence[Row]) -> dict[Task | None, Row]:
    return {row.task: row for row in rows}
