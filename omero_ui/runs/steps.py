"""The steps of a run as a person counts them, of the many tasks that Prefect has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import StateType, TaskRun
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.prefect_api.pages import read_pages
from omero_ui.runs.standing import Look, Standing, standing_of

#: Tasks that are read; an order of 10,000 files has 40,000 and more.
MOST_TASKS = 5 * PAGE
#: Names of what runs now.
MOST_NAMES = 4


class _Kind(NamedTuple):
    """A step, and the functions (of `tasks/`) whose tasks it is made of."""

    label: str
    functions: tuple[str, ...]


_STEPS: dict[RunKind, tuple[_Kind, ...]] = {
    RunKind.IMPORT: (
        _Kind("Check", ("authorise",)),
        _Kind("Convert", ("preprocess",)),
        _Kind("Import", ("in_place_import", "omero_cli_import")),
        _Kind("Annotate", ("annotate", "fill_in")),
        _Kind("Report", ("publish_report",)),
    ),
    RunKind.BATCH: (),  # one process, without a task for each file
    RunKind.ANALYSIS: (
        _Kind("Plan", ("plan_run",)),
        _Kind("Send images", ("stage_inputs",)),
        _Kind("Submit", ("submit_job",)),
        _Kind("Compute", ()),  # Slurm's part: between the submission and the results no task of ours runs
        _Kind("Fetch results", ("retrieve_results",)),
        _Kind("Into OMERO", ()),  # every other task: images, ROIs, tables, attachments
        _Kind("Report", ("publish_run_report",)),
    ),
}
_COMPUTE = "Compute"
_INTO_OMERO = "Into OMERO"
#: Prefect's name of the state of a task whose result was there.
_REMEMBERED = "Cached"
#: Housekeeping of a run that no person waits for.
_UNSAID = ("tidy_scratch",)


class Step(BaseModel):
    """`look` None: not begun. `ended` and `tasks` count its tasks; `seconds` is from the first to the last of them."""

    model_config = ConfigDict(frozen=True)

    label: str
    look: Look | None = None
    seconds: float | None = None
    tasks: int = 0
    ended: int = 0
    failed: int = 0


class Steps(BaseModel):
    """`now`: names of the tasks that run. `cut`: there are more tasks than were read."""

    model_config = ConfigDict(frozen=True)

    steps: tuple[Step, ...]
    now: tuple[str, ...]
    cut: bool


def read_steps(prefect: PrefectApi, flow_run: UUID, kind: RunKind, standing: Standing, now: datetime) -> Steps:
    """Ask Prefect for the run's tasks and sum them up."""
    body = {"flow_runs": {"id": {"any_": [str(flow_run)]}}, "sort": "EXPECTED_START_TIME_ASC"}
    pages = read_pages(prefect, "/task_runs/filter", body, most=MOST_TASKS)
    return sum_up([TaskRun.model_validate(item) for item in pages], kind, standing, now)


def sum_up(tasks: Sequence[TaskRun], kind: RunKind, standing: Standing, now: datetime) -> Steps:
    """The steps of a run of that kind, in their sequence; those without a task are left out of an import."""
    by_function: dict[str, list[TaskRun]] = {}
    for task in _done_once(tasks):
        by_function.setdefault(task.task_key.rpartition("-")[0], []).append(task)
    known = {function for step in _STEPS[kind] for function in step.functions} | set(_UNSAID)
    steps = []
    for step in _STEPS[kind]:
        of_step = [task for function in step.functions for task in by_function.get(function, [])]
        if step.label == _INTO_OMERO:
            of_step = [task for function, some in by_function.items() if function not in known for task in some]
        if step.label == _COMPUTE:
            steps.append(_compute(by_function, standing, now))
        elif of_step or kind is RunKind.ANALYSIS or step.label != "Convert":
            steps.append(_step(step.label, of_step, now))
    running = tuple(task.name for task in tasks if _type(task) is StateType.RUNNING)
    return Steps(
        steps=tuple(steps),
        now=running[:MOST_NAMES] if not standing.is_final else (),
        cut=len(tasks) >= MOST_TASKS,
    )


def _done_once(tasks: Sequence[TaskRun]) -> list[TaskRun]:
    """Without those that a run which was started again only remembered: they took no time and did nothing."""
    remembered = [task for task in tasks if task.state is not None and task.state.name == _REMEMBERED]
    done = [task for task in tasks if task.state is None or task.state.name != _REMEMBERED]
    names = {task.name for task in done}
    return done + [task for task in remembered if task.name not in names]


def _type(task: TaskRun) -> StateType | None:
    return task.state.type if task.state is not None else None


def _step(label: str, tasks: Sequence[TaskRun], now: datetime) -> Step:
    if not tasks:
        return Step(label=label)
    looks = [standing_of(task.state).look for task in tasks]
    ended = sum((kind := _type(task)) is not None and kind.is_final for task in tasks)
    look = next((look for look in (Look.RUNNING, Look.WAITING, Look.FAILED, Look.UNKNOWN, Look.CANCELLED)
                 if look in looks), Look.DONE)  # fmt: skip
    return Step(
        label=label,
        look=look,
        seconds=_span([task.start_time for task in tasks], [task.end_time for task in tasks], now),
        tasks=len(tasks),
        ended=ended,
        failed=looks.count(Look.FAILED),
    )


def _span(starts: Sequence[datetime | None], ends: Sequence[datetime | None], now: datetime) -> float | None:
    begun = [start for start in starts if start is not None]
    if not begun:
        return None
    return (max(end or now for end in ends) - min(begun)).total_seconds()


def _compute(by_function: dict[str, list[TaskRun]], standing: Standing, now: datetime) -> Step:
    """From the end of the submission to the beginning of the results."""
    submitted = [task.end_time for task in by_function.get("submit_job", []) if task.end_time is not None]
    fetched = [task.start_time for task in by_function.get("retrieve_results", []) if task.start_time is not None]
    if not submitted:
        return Step(label=_COMPUTE)
    begun = min(submitted)
    if fetched:
        return Step(label=_COMPUTE, look=Look.DONE, seconds=max(0.0, (min(fetched) - begun).total_seconds()))
    look = standing.look if standing.is_final else Look.WAITING
    return Step(label=_COMPUTE, look=look, seconds=None if standing.is_final else (now - begun).total_seconds())
