"""A workflow of a BIOMERO database as the run history keeps it, by the events that BIOMERO wrote.

Names of events and fields are those of biomero 2.8 (`WorkflowRun` and `Task`, event sourced with eventsourcing 9.5:
JSON, with `{"_type_": ..., "_data_": ...}` for UUIDs and moments). Seen in a database that its own code had written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from contracts.analysis_run import WorkflowName
from contracts.migrated_run import (
    MOST_LINES,
    MigratedEnd,
    MigratedHistory,
    MigratedLine,
    MigratedRun,
    shorten,
)
from contracts.run_tags import RunKind

#: Of the main task; the rest is cut.
MOST_PARAMETERS = 200
_NAME: TypeAdapter[str] = TypeAdapter(WorkflowName)
#: Tasks that serve a workflow: BIOMERO's scripts, and its conversions.
_SERVING = re.compile(r".*\.py|CONVERT_[A-Z0-9]+_TO_[A-Z0-9]+")


@dataclass(frozen=True)
class PastEvent:
    """One event of one workflow or task (`of`). `name`: without its class, `WorkflowInitiated`."""

    of: UUID
    name: str
    at: datetime
    fields: Mapping[str, Any]


def read_event(of: UUID, topic: str, state: bytes) -> PastEvent:
    """
    Raises:
        ValueError: the state is not as BIOMERO writes it.
    """
    try:
        decoded = json.loads(state)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"the event {topic[:80]!r} is no JSON") from error
    if not isinstance(decoded, dict):
        raise ValueError(f"the event {topic[:80]!r} is no object")
    fields = {name: _value(value) for name, value in decoded.items()}
    at = fields.get("timestamp")
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ValueError(f"the event {topic[:80]!r} has no time")
    return PastEvent(of=of, name=topic.rpartition(".")[2], at=at, fields=fields)


def tasks_of(workflow: Sequence[PastEvent]) -> list[UUID]:
    """The tasks of a workflow, in the sequence in which they were added."""
    added = (event.fields.get("task_id") for event in workflow if event.name == "TaskAdded")
    return [task for task in added if isinstance(task, UUID)]


def past_workflow(
    workflow: Sequence[PastEvent],
    tasks: Sequence[Sequence[PastEvent]],
    users: Mapping[int, str],
    groups: Mapping[int, str],
) -> MigratedRun:
    """
    Args:
        workflow: all events of a workflow, the oldest first.
        tasks: those of each of its tasks, in the workflow's sequence.
        users, groups: OMERO's names by id. One that OMERO does not know any more becomes `#id`.

    Raises:
        ValueError: it does not begin as a workflow of BIOMERO does.
    """
    if not workflow or workflow[0].name != "WorkflowInitiated":
        raise ValueError("it has no beginning")
    first, last = workflow[0], workflow[-1]
    read = [_read_task(events) for events in tasks if events]
    main = next((task for task in read if not _SERVING.fullmatch(task.name)), None)
    name = main.name if main is not None else str(first.fields.get("name", ""))
    end = {"WorkflowCompleted": MigratedEnd.COMPLETED, "WorkflowFailed": MigratedEnd.FAILED}.get(
        last.name, MigratedEnd.UNFINISHED
    )
    user, group = _named(first.fields.get("user"), users), _named(first.fields.get("group"), groups)
    began = [event.at for event in workflow if event.name == "WorkflowStarted"]
    title = f"{name} {main.version}".strip() if main is not None else name
    return MigratedRun(
        token=first.of,
        kind=RunKind.ANALYSIS,
        title=shorten(title) or "Workflow without a name",
        user=user,
        group=group,
        workflow=_workflow_name(name),
        ordered={
            "uuid": str(first.of),
            "user": user,
            "group": group,
            "workflow": {"name": shorten(name), "version": main.version if main is not None else None},
            "parameters": main.parameters if main is not None else {},
            "inputs": {"given": shorten(next((task.given for task in read if task.given), ""))},
        },
        history=MigratedHistory(
            placed=first.at,
            began=began[0] if began else None,
            ended=None if end is MigratedEnd.UNFINISHED else last.at,
            end=end,
            said=shorten(str(last.fields.get("error_message", ""))),
            lines=tuple(task.line for task in read[-MOST_LINES:]),
            left_out=max(0, len(read) - MOST_LINES),
        ),
    )


@dataclass(frozen=True)
class _Task:
    name: str
    version: str
    given: str
    parameters: dict[str, Any]
    line: MigratedLine


def _read_task(events: Sequence[PastEvent]) -> _Task:
    first = events[0].fields if events[0].name == "TaskCreated" else {}
    name, version = shorten(str(first.get("task_name", ""))), shorten(str(first.get("task_version", "")))
    jobs = [str(event.fields.get("job_id")) for event in events if event.name == "JobIdAdded"]
    end = "did not end"
    for event in events:
        if event.name == "TaskCompleted":
            end = f"completed: {event.fields.get('result', '')}"
        elif event.name == "TaskFailed":
            end = f"failed: {event.fields.get('error_message', '')}"
    said = f"Slurm job{'s' if len(jobs) > 1 else ''} {', '.join(jobs)}; {end}" if jobs else end
    given = first.get("input_data", "")
    return _Task(
        name=name,
        version=version,
        given=given if isinstance(given, str) else json.dumps(given, default=str),
        parameters=_parameters(first.get("params")),
        line=MigratedLine(at=events[0].at, what=f"{name} {version}".strip(), said=shorten(said)),
    )


def _parameters(given: Any) -> dict[str, Any]:
    """Plain values as they are, anything else as JSON text."""
    if not isinstance(given, dict):
        return {}
    plain = {
        str(name): value if isinstance(value, bool | int | float) else shorten(_text(value))
        for name, value in given.items()
        if value is not None
    }
    return dict(list(plain.items())[:MOST_PARAMETERS])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _named(given: Any, names: Mapping[int, str]) -> str:
    return names.get(given, f"#{given}") if isinstance(given, int) else shorten(str(given)) or "#?"


def _workflow_name(name: str) -> str | None:
    """As a workflow's tag has it; None for one that no catalogue could have."""
    try:
        return _NAME.validate_python(name.lower())
    except ValidationError:
        return None


def _value(value: Any) -> Any:
    """What eventsourcing's transcoder wrote, at the top of an event; deeper values stay as they are."""
    if not isinstance(value, dict) or set(value) != {"_type_", "_data_"}:
        return value
    data = value["_data_"]
    try:
        if value["_type_"] == "uuid_hex":
            return UUID(data)
        if value["_type_"] == "datetime_iso":
            return datetime.fromisoformat(data)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{str(data)[:80]!r} is no {value['_type_']}") from error
    return value
