"""What became of a run, as its page tells it."""

from __future__ import annotations

import uuid

from contracts.destination import Destination, DestinationType
from contracts.failures import Failure, FailureCategory
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport
from omero_ui.runs.charts import HEIGHT, chart_of_states, chart_of_storage, chart_of_times
from omero_ui.runs.history import Day
from omero_ui.runs.outcome import MOST_AFFECTED, outcome_of_import
from omero_ui.runs.standing import Look
from omero_ui.runs.storage_days import StorageDay
from tests.unit.omero_ui.test_steps import BEGAN


def broken(path: str) -> FileOutcome:
    failure = Failure(
        category=FailureCategory.BROKEN_FILE, summary=f"{path} cannot be read.", next_step="Copy it again."
    )
    return FileOutcome(path=path, state=FileState.FAILED, failure=failure)


def test_failures_are_grouped_by_what_is_to_be_done_and_come_first() -> None:
    good = FileOutcome(
        path="good.tif", state=FileState.IMPORTED, objects=(ImportedObject(type="Image", id=7, name="good"),)
    )
    empty = FileOutcome(
        path="empty.tif",
        state=FileState.FAILED,
        failure=Failure(category=FailureCategory.FILE_EMPTY, summary="empty.tif is empty.", next_step="Copy it again."),
    )
    report = ImportReport(
        uuid=uuid.uuid4(),
        destination=Destination(type=DestinationType.DATASET, name="siRNA"),
        files=(good, empty, *(broken(f"{number}.tif") for number in range(MOST_AFFECTED + 2))),
    )
    outcome = outcome_of_import(report)
    first, second = outcome.failures
    assert (first.failure.category, first.count, first.more) == (FailureCategory.BROKEN_FILE, MOST_AFFECTED + 2, 2)
    assert second.affected == ("empty.tif",)
    assert outcome.files[-1].path == "good.tif"
    assert [(result.name, result.image, result.show) for result in outcome.results] == [("good", 7, "image-7")]


def test_bars_stand_on_each_other_and_the_highest_fills_the_chart() -> None:
    days = [
        Day(begin=BEGAN, counts={Look.DONE: 6, Look.FAILED: 2}, waited=60.0, ran=180.0),
        Day(begin=BEGAN, counts={}, waited=0.0, ran=0.0),
        Day(begin=BEGAN, counts={Look.DONE: 4}, waited=0.0, ran=120.0),
    ]
    states = chart_of_states(days)
    done, failed, half = states.bars
    assert (done.y, done.height) == (HEIGHT * 0.25, HEIGHT * 0.75)
    assert (failed.y, failed.height) == (0, HEIGHT * 0.25)
    assert (half.y, half.height) == (HEIGHT * 0.5, HEIGHT * 0.5)
    assert states.top == 8
    times = chart_of_times(days)
    assert times.top == 4
    assert [bar.look for bar in times.bars] == ["waiting", "running", "running"]
    assert chart_of_states([days[1]]).bars == ()


def test_what_went_out_stands_on_what_came_in() -> None:
    moved = chart_of_storage([StorageDay(begin=BEGAN, taken_in=2**20, sent_out=3 * 2**20)])
    taken_in, sent_out = moved.bars
    assert (taken_in.look, taken_in.y, taken_in.height) == ("in", HEIGHT * 0.75, HEIGHT * 0.25)
    assert (sent_out.look, sent_out.y, sent_out.height) == ("out", 0, HEIGHT * 0.75)
    assert sent_out.said.endswith("3.0 MiB out")
    assert moved.top == 4
