"""Cancelling a run, trying the rest of it again, and running it once more."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from contracts.analysis_run import AnalysisRun
from contracts.failures import FailureCategory, fail
from contracts.import_order import ImportOrder
from contracts.run_tags import MIGRATED, RunKind
from omero_ui.prefect_api.answers import FlowRun, StateType
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import place_analysis, place_order
from omero_ui.runs.standing import standing_of
from omero_ui.runs.summary import PARAMETERS, RunSummary
from omero_ui.runs.visible import may_change
from omero_ui.visitor import Visitor

#: The name Prefect gives the state of a run that a person retries; the flow counts its attempts by it.
_RETRIED = "AwaitingRetry"
#: States in which a run has no process that could end itself.
_WITHOUT_PROCESS = (StateType.SCHEDULED, StateType.PAUSED, StateType.CRASHED)


def can_cancel(visitor: Visitor, run: FlowRun) -> bool:
    """Also one that crashed: it would be started again."""
    return _is_ours(run) and may_change(visitor, run.tags) and not standing_of(run.state).is_final


def can_retry(visitor: Visitor, run: FlowRun) -> bool:
    return (
        _is_ours(run)
        and may_change(visitor, run.tags)
        and run.state is not None
        and run.state.type in (StateType.FAILED, StateType.CANCELLED, StateType.CRASHED)
    )


def can_repeat(visitor: Visitor, run: RunSummary) -> bool:
    """Whoever repeats a run becomes its user, so they must belong to its group. What BIOMERO wrote of a workflow is not
    enough to run it again; and a batch is nobody's, its schedule starts the next (`administration/schedules.py`).
    """
    if run.kind is RunKind.BATCH or run.history is not None and run.kind is RunKind.ANALYSIS:
        return False
    return visitor.group(run.group) is not None


def cancel(prefect: PrefectApi, visitor: Visitor, run: FlowRun) -> None:
    """What is in OMERO stays; the step that runs is undone; a job that waits or runs on the cluster is ended.

    Raises:
        FailureError: BAD_REQUEST when it is not the visitor's to cancel, or has ended.
    """
    if not can_cancel(visitor, run):
        raise _refused(visitor, run, "cancelled")
    assert run.state is not None
    name = "Cancelled" if run.state.type in _WITHOUT_PROCESS else "Cancelling"
    state: dict[str, object] = {"type": name.upper(), "name": name, "message": f"Cancelled by {visitor.name}"}
    # Prefect's own rules decide, but for a run that crashed: they keep what has ended as it is.
    _set_state(prefect, run, state, force=run.state.type is StateType.CRASHED)


def retry(prefect: PrefectApi, visitor: Visitor, run: FlowRun) -> None:
    """Steps that are done stay done.

    Raises:
        FailureError: BAD_REQUEST when it is not the visitor's to retry, or has not failed.
    """
    if not can_retry(visitor, run):
        raise _refused(visitor, run, "tried again")
    state: dict[str, object] = {
        "type": StateType.SCHEDULED.value,
        "name": _RETRIED,
        "message": f"Tried again by {visitor.name}",
        "state_details": {"scheduled_time": datetime.now(UTC).isoformat()},
    }
    _set_state(prefect, run, state, force=True)


def repeat(prefect: PrefectApi, visitor: Visitor, run: FlowRun, summary: RunSummary, token: UUID | None) -> UUID:
    """Place the same order anew, as the visitor. `token`: the new one, so that a form sent twice places one run.

    Raises:
        FailureError: NOT_A_MEMBER of the run's group; BAD_REQUEST when the order of then is no order any more.
    """
    if not can_repeat(visitor, summary):
        raise fail(
            FailureCategory.NOT_A_MEMBER,
            f"You are not a member of the group {summary.group}.",
            next_step="Ask a member of the group to run it again.",
        )
    new = token or uuid.uuid4()
    order = run.parameters[PARAMETERS[summary.kind]] | {"uuid": str(new), "user": visitor.name}
    try:
        if summary.kind is RunKind.IMPORT:
            place_order(prefect, ImportOrder.model_validate(order))
        else:
            # It is the visitor's: no batch takes it for one of its own.
            place_analysis(prefect, AnalysisRun.model_validate(order | {"rule": None}))
    except ValidationError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "This run is from an earlier version, or from BIOMERO, and cannot be repeated as it was.",
            detail=str(error),
            next_step="Place it anew.",
        ) from error
    return new


def _is_ours(run: FlowRun) -> bool:
    """A run that BIOMERO did has nobody here who could go on with it."""
    return MIGRATED not in run.tags


def _set_state(prefect: PrefectApi, run: FlowRun, state: dict[str, object], *, force: bool) -> None:
    """
    Raises:
        FailureError: BAD_REQUEST when Prefect does not take it, because the run has gone on meanwhile.
    """
    answer = prefect.post(f"/flow_runs/{run.id}/set_state", {"state": state, "force": force})
    if answer is None or answer.get("status") != "ACCEPT":
        raise fail(
            FailureCategory.BAD_REQUEST,
            "The run has changed meanwhile, and nothing was done.",
            detail=str(answer),
            next_step="Look at the page again.",
        )


def _refused(visitor: Visitor, run: FlowRun, what: str) -> Exception:
    if not may_change(visitor, run.tags):
        return fail(
            FailureCategory.NOT_A_MEMBER,
            f"Only who ordered this run, an owner of its group or an administrator has it {what}.",
            next_step="Ask one of them.",
        )
    return fail(
        FailureCategory.BAD_REQUEST,
        f"This run cannot be {what}: it is {standing_of(run.state).words.lower()}.",
        next_step="Look at the page again; it may have changed meanwhile.",
    )
