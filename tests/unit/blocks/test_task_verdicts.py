"""How a task ended: who is believed, and what is never concluded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from blocks.task_verdicts import CATEGORIES, JobEvidence, judge
from contracts.failures import FailureCategory
from contracts.slurm_job import Accounting, Outcome, QueuedJob, TaskExit, TaskVerdict, Witness
from contracts.slurm_state import JobPhase, JobState

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def row(state: JobState, task: int | None = None) -> QueuedJob:
    return QueuedJob(number=7, task=task, state=state, word=state, reason="None", start=None, name="t", folder="/f")


def account(state: JobState, task: int | None = None, exit_code: int = 0) -> Accounting:
    return Accounting(
        number=7,
        task=task,
        state=state,
        word=state,
        exit_code=exit_code,
        signal=0,
        elapsed_seconds=60,
        cpu_seconds=30.0,
        max_rss=None,
        node="n1",
        allocated="cpu=1",
        started=NOW,
        ended=NOW,
        name="t",
        folder="/f",
        raw="raw",
    )


def trap(code: int, task: int = 0, *, signal: str | None = None, late: bool = False, restarts: int = 0) -> TaskExit:
    return TaskExit(
        task=task,
        code=code,
        signal=signal,
        time_limit=late,
        restarts=restarts,
        number=7,
        node="n1",
        started=NOW,
        ended=NOW + timedelta(minutes=1),
    )


def verdict(
    queued: QueuedJob | None = None,
    end: TaskExit | None = None,
    accounted: Accounting | None = None,
    *,
    overdue: bool = False,
) -> TaskVerdict:
    evidence = JobEvidence(
        queued=[] if queued is None else [queued],
        exits=[] if end is None else [end],
        accounted=[] if accounted is None else [accounted],
    )
    (only,) = judge([0], evidence, overdue=overdue)
    return only


@pytest.mark.parametrize("state", [state for state in JobState if state.phase is not JobPhase.ENDED])
def test_what_squeue_shows_has_not_ended_whatever_an_earlier_start_wrote(state: JobState) -> None:
    for end in (None, trap(0), trap(143, signal="TERM")):
        said = verdict(row(state), end, account(JobState.PREEMPTED), overdue=True)
        assert (said.outcome, said.witness, said.failure) == (Outcome.NOT_ENDED, Witness.SQUEUE, None)


@pytest.mark.parametrize("state", [None, JobState.COMPLETED, JobState.CANCELLED, JobState.TIMEOUT, JobState.NODE_FAIL])
def test_the_traps_word_is_success_whatever_came_afterwards(state: JobState | None) -> None:
    said = verdict(end=trap(0, restarts=2), accounted=None if state is None else account(state))
    assert (said.outcome, said.witness, said.exit_code, said.restarts) == (Outcome.SUCCEEDED, Witness.JOB, 0, 2)
    assert said.state is state


def test_slurm_has_a_veto_when_processes_were_killed_for_memory() -> None:
    for said in (
        verdict(end=trap(0), accounted=account(JobState.OUT_OF_MEMORY)),
        verdict(row(JobState.OUT_OF_MEMORY), trap(0)),
    ):
        assert said.outcome is Outcome.FAILED and said.failure is not None
        assert said.failure.category is FailureCategory.JOB_OUT_OF_MEMORY


@pytest.mark.parametrize("state", CATEGORIES)
def test_each_bad_end_has_its_category_with_and_without_the_trap(state: JobState) -> None:
    for end in (None, trap(1)):
        for said in (verdict(row(state), end), verdict(end=end, accounted=account(state))):
            assert said.outcome is Outcome.FAILED and said.failure is not None
            assert said.failure.category is CATEGORIES[state]
            assert said.state is state and state.value in said.failure.detail


def test_every_bad_end_has_a_category() -> None:
    assert set(CATEGORIES) == {state for state in JobState if state.phase is JobPhase.ENDED} - {JobState.COMPLETED}


@pytest.mark.parametrize(
    ("end", "category"),
    [
        (trap(3), FailureCategory.JOB_FAILED),
        (trap(137), FailureCategory.JOB_FAILED),
        (trap(143, signal="TERM"), FailureCategory.JOB_CANCELLED),
        (trap(143, signal="TERM", late=True), FailureCategory.JOB_TIMED_OUT),
    ],
)
@pytest.mark.parametrize("state", [None, JobState.FAILED])
def test_without_slurms_word_the_trap_tells_why(
    end: TaskExit, category: FailureCategory, state: JobState | None
) -> None:
    said = verdict(end=end, accounted=None if state is None else account(state))
    assert said.failure is not None and said.failure.category is category


@pytest.mark.parametrize(
    "accounted",
    [None, account(JobState.COMPLETED), account(JobState.RUNNING), account(JobState.UNRECOGNISED)],
    ids=["nobody", "completed", "running", "unrecognised"],
)
def test_what_nobody_can_tell_is_unknown_until_the_deadline_and_never_success(accounted: Accounting | None) -> None:
    said = verdict(accounted=accounted)
    assert (said.outcome, said.failure) == (Outcome.UNKNOWN, None)
    said = verdict(accounted=accounted, overdue=True)
    assert said.outcome is Outcome.FAILED and said.failure is not None
    assert said.failure.category is FailureCategory.JOB_UNKNOWN


def test_each_task_is_judged_by_itself() -> None:
    evidence = JobEvidence(
        queued=[row(JobState.RUNNING, 0), row(JobState.COMPLETED, 1)],
        exits=[trap(0, 1), trap(2, 2)],
        accounted=[account(JobState.FAILED, 2), account(JobState.NODE_FAIL, 3)],
        logs={2: "the end"},
    )
    verdicts = judge(range(5), evidence, overdue=False)
    assert [one.outcome for one in verdicts] == [
        Outcome.NOT_ENDED,
        Outcome.SUCCEEDED,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.UNKNOWN,
    ]
    assert [one.log for one in verdicts] == ["", "", "the end", "", ""]


def test_an_array_that_was_cancelled_before_it_began_has_one_entry_for_all() -> None:
    verdicts = judge(range(3), JobEvidence(accounted=[account(JobState.CANCELLED)]), overdue=False)
    assert {one.failure.category for one in verdicts if one.failure} == {FailureCategory.JOB_CANCELLED}
    assert len(verdicts) == 3


def held(task: int | None = None, reason: str = "JobHeldAdmin") -> QueuedJob:
    return row(JobState.PENDING, task).model_copy(update={"reason": reason})


def test_a_job_that_is_given_up_has_failed_with_slurms_reason() -> None:
    evidence = JobEvidence(queued=[held(0), held(1, "DependencyNeverSatisfied")], exits=[trap(0, task=2)])
    stuck, dependent, good = judge([0, 1, 2], evidence, overdue=False, given_up=True)
    assert good.outcome is Outcome.SUCCEEDED
    for said in (stuck, dependent):
        assert (said.outcome, said.witness, said.state) == (Outcome.FAILED, Witness.SQUEUE, JobState.PENDING)
        assert said.failure is not None and said.failure.category is FailureCategory.JOB_STUCK
    assert stuck.failure is not None and "an administrator holds it" in stuck.failure.summary
    assert dependent.failure is not None and "depends on a job that failed" in dependent.failure.summary


@pytest.mark.parametrize("other", [row(JobState.RUNNING, 1), row(JobState.PENDING, 1), row(JobState.COMPLETING, 1)])
def test_a_job_of_which_a_task_goes_on_is_not_given_up(other: QueuedJob) -> None:
    said = judge([0, 1], JobEvidence(queued=[held(0), other]), overdue=True, given_up=True)
    assert [one.outcome for one in said] == [Outcome.NOT_ENDED, Outcome.NOT_ENDED]
