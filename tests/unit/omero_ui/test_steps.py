"""The steps of a run, summed up from Prefect's tasks."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from contracts.run_tags import RunKind
from omero_ui.prefect_api.answers import State, StateType, TaskRun
from omero_ui.runs.standing import Look, Standing
from omero_ui.runs.steps import Step, sum_up

BEGAN = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
RUNNING = Standing(Look.RUNNING, "Running")
DONE = Standing(Look.DONE, "Done")


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def task(function: str, name: str, begin: float, end: float | None, state: str = "Completed") -> TaskRun:
    kind = {"Completed": StateType.COMPLETED, "Cached": StateType.COMPLETED, "Failed": StateType.FAILED}
    return TaskRun(
        id=uuid.uuid4(),
        name=name,
        task_key=f"{function}-1a2b3c4d",
        start_time=at(begin),
        end_time=None if end is None else at(end),
        state=State(type=kind.get(state, StateType.RUNNING), name=state, timestamp=at(end or begin)),
    )


def test_an_import_that_runs_says_what_it_does_and_how_far_it_is() -> None:
    tasks = [
        task("authorise", "authorise alice", 0, 1),
        task("in_place_import", "import a.tif", 1, 5),
        task("in_place_import", "import b.tif", 2, None, "Running"),
        task("annotate", "annotate a.tif", 5, 6, "Failed"),
    ]
    steps = sum_up(tasks, RunKind.IMPORT, RUNNING, at(10))
    assert [(step.label, step.look, step.ended, step.tasks) for step in steps.steps] == [
        ("Check", Look.DONE, 1, 1),
        ("Import", Look.RUNNING, 1, 2),
        ("Annotate", Look.FAILED, 1, 1),
        ("Report", None, 0, 0),
    ]
    assert steps.steps[1].seconds == 9  # since the first began
    assert steps.now == ("import b.tif",)


def test_what_an_analysis_only_remembered_took_no_time() -> None:
    first = [task("plan_run", "plan", 0, 2), task("stage_inputs", "stage", 2, 12), task("submit_job", "sbatch", 12, 13)]
    again = [
        task("plan_run", "plan", 600, 600, "Cached"),
        task("stage_inputs", "stage", 600, 600, "Cached"),
        task("retrieve_results", "retrieve", 601, 605),
        task("import_result_image", "import labels.tif", 605, 609),
        task("tidy_scratch", "tidy", 609, 610),
        task("publish_run_report", "report", 610, 611),
    ]
    steps = sum_up([*first, *again], RunKind.ANALYSIS, DONE, at(9999))
    assert {step.label: step.seconds for step in steps.steps} == {
        "Plan": 2,
        "Send images": 10,
        "Submit": 1,
        "Compute": 588,
        "Fetch results": 4,
        "Into OMERO": 4,
        "Report": 1,
    }


def test_an_analysis_that_waits_for_the_cluster_is_at_compute() -> None:
    waiting = Standing(Look.WAITING, "Waiting for the cluster")
    steps = sum_up([task("submit_job", "sbatch", 12, 13)], RunKind.ANALYSIS, waiting, at(73))
    assert next(step for step in steps.steps if step.label == "Compute") == Step(
        label="Compute", look=Look.WAITING, seconds=60
    )
