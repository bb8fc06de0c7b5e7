"""Orders and workflows of BIOMERO's past: read from what its own code wrote, and from anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.biomero_import import StoredOrder, StoredPreprocessing
from contracts.biomero_past_order import StoredStage, is_pending, past_order
from contracts.biomero_past_workflow import PastEvent, past_workflow, read_event, tasks_of
from contracts.failures import FailureCategory, FailureError
from contracts.migrated_run import LONGEST_FILES, MigratedEnd, MigratedRun, read_history

#: What biomero 2.8.3 with eventsourcing 9.5 wrote into PostgreSQL: originator, version, topic, state.
EVENTS = Path(__file__).parents[2] / "sandbox" / "biomero" / "workflow_events.jsonl"
USERS, GROUPS = {2: "alice"}, {3: "lab-a"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: Prefect's limit for the parameters of a run, in bytes.
MOST_PARAMETERS = 512 * 1024


def read_rows(text: str) -> list[tuple[str, int, str, str]]:
    return [tuple(json.loads(line)) for line in text.splitlines()]


def read_workflows() -> list[MigratedRun]:
    events: dict[UUID, list[PastEvent]] = {}
    for originator, _, topic, state in read_rows(EVENTS.read_text("utf-8")):
        events.setdefault(UUID(originator), []).append(read_event(UUID(originator), topic, state.encode()))
    begun = [some for some in events.values() if some[0].name == "WorkflowInitiated"]
    return [past_workflow(some, [events[task] for task in tasks_of(some)], USERS, GROUPS) for some in begun]


def test_workflows_that_biomero_wrote() -> None:
    good, bad, unknown = read_workflows()
    assert (good.title, good.workflow, good.user, good.group) == ("cellpose v1.4.0", "cellpose", "alice", "lab-a")
    assert good.ordered["workflow"] == {"name": "cellpose", "version": "v1.4.0"}
    assert good.ordered["parameters"] == {
        "diameter": 30, "use_gpu": True, "cp_model": "nuclei ä", "prob_threshold": 0.5
    }  # fmt: skip
    assert good.ordered["inputs"] == {"given": '{"IDs": [101, 102], "Data_Type": "Image"}'}
    assert [(line.what, line.said) for line in good.history.lines] == [
        ("_SLURM_Image_Transfer.py 2.8.0", "completed: Exported 2 images"),
        ("cellpose v1.4.0", "Slurm job 4711; completed: COMPLETED"),
        ("SLURM_Import_Results.py 2.8.0", "completed: Imported 2 images"),
    ]
    assert good.history.end is MigratedEnd.COMPLETED
    assert good.history.placed is not None
    assert good.history.ended is not None
    assert good.history.placed < good.history.ended
    assert (bad.history.end, bad.history.said) == (MigratedEnd.FAILED, "Job 4712 is TIMEOUT")
    assert (unknown.user, unknown.group, unknown.title) == ("#-1", "#-1", "conversion")
    assert (unknown.history.end, unknown.history.ended) == (MigratedEnd.UNFINISHED, None)
    for run in (good, bad, unknown):
        assert read_history(run.tags, run.parameters) == run.history
        assert MigratedRun.model_validate_json(run.model_dump_json()) == run


def row(**fields: str) -> StoredOrder:
    given = {
        "uuid": str(uuid4()),
        "user_name": "alice",
        "group_name": "lab-a",
        "destination_id": "7",
        "destination_type": "Dataset",
        "files": '["/data/lab-a/a.tif", "/data/lab-a/b.tif"]',
    }
    return StoredOrder.model_validate(given | fields)


def stages(*names: str) -> list[StoredStage]:
    return [StoredStage(stage=name, at=NOON + timedelta(hours=n), description=None) for n, name in enumerate(names)]


def test_an_order_that_cannot_be_read_as_one_is_kept_as_it_stands() -> None:
    converted = row(destination_id="siRNA screen").model_copy(
        update={
            "preprocessing": StoredPreprocessing(
                container="org/converter:v1", input_file="{Files}", output_folder="/data", alt_output_folder=None,
                extra_params='{"a": "b"}',
            )
        }
    )  # fmt: skip
    kept = past_order(converted, stages("Import Pending", "Import Started", "Import Completed"), None)
    assert kept.title == "Import a.tif and 1 more -> Dataset siRNA screen"
    assert kept.ordered["preprocessing"] == {"converter": "org/converter:v1", "options": '{"a": "b"}'}
    assert (kept.history.began, kept.history.ended) == (NOON + timedelta(hours=1), NOON + timedelta(hours=2))


@pytest.mark.parametrize(
    ("names", "end"),
    [
        (("Import Pending", "Import Failed"), MigratedEnd.FAILED),
        (("Import Pending", "Import Started", "Import Preprocessing"), MigratedEnd.UNFINISHED),
        (("Import Pending", "Shelved"), MigratedEnd.UNFINISHED),
    ],
)
def test_what_is_not_known_to_have_ended_well_has_not(names: tuple[str, ...], end: MigratedEnd) -> None:
    kept = past_order(row(), stages(*names), None)
    assert kept.history.end is end
    assert (kept.history.ended is None) == (end is MigratedEnd.UNFINISHED)


def test_an_order_that_waits_is_no_history_and_one_without_a_uuid_has_no_record() -> None:
    assert is_pending(stages("Import Failed", "Import Pending"))
    assert not is_pending(stages("Import Pending", "Import Started"))
    with pytest.raises(FailureError) as caught:
        past_order(row(uuid="order 7"), stages("Import Failed"), None)
    assert caught.value.failure.category is FailureCategory.BAD_REQUEST


def test_what_prefect_would_refuse_is_cut() -> None:
    paths = [f"/data/lab-a/{number:05}.tif" for number in range(20_000)]
    many = [StoredStage(stage="Import Failed", at=NOON, description="x\0" * 5000) for _ in range(300)]
    kept = past_order(row(files=json.dumps(paths)), many, None)
    assert sum(len(file["path"]) for file in kept.ordered["files"]) <= LONGEST_FILES
    assert len(kept.ordered["files"]) + kept.ordered["files_left_out"] == 20_000
    assert (len(kept.history.lines), kept.history.left_out) == (100, 200)
    assert len(json.dumps(kept.parameters)) < MOST_PARAMETERS
    assert "\0" not in json.dumps(kept.parameters)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(["timestamp", "name", "user", "group", "task_id", "task_name", "task_version", "params",
                     "input_data", "job_id", "result", "error_message"]),
    JSON | st.builds(lambda kind, data: {"_type_": kind, "_data_": data},
                     st.sampled_from(["uuid_hex", "datetime_iso", "decimal_str"]), JSON),
)  # fmt: skip
NAMES = st.sampled_from(
    ["WorkflowInitiated", "WorkflowCompleted", "WorkflowFailed", "TaskAdded", "TaskCreated", "TaskCompleted",
     "TaskFailed", "JobIdAdded", "Else"]
)  # fmt: skip


@given(st.text(max_size=80), st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_an_event_is_read_or_said_to_be_none(topic: str, state: bytes) -> None:
    try:
        event = read_event(UUID(int=1), topic, state)
    except ValueError as error:
        assert str(error)
    else:
        assert event.at.tzinfo is not None


@given(
    st.lists(st.tuples(NAMES, FIELDS), max_size=5), st.lists(st.lists(st.tuples(NAMES, FIELDS), max_size=4), max_size=3)
)
def test_whatever_events_say_a_run_of_them_can_be_kept(
    workflow: list[tuple[str, dict[str, object]]], tasks: list[list[tuple[str, dict[str, object]]]]
) -> None:
    def events(some: list[tuple[str, dict[str, object]]]) -> list[PastEvent]:
        made = []
        for name, fields in some:
            state = json.dumps(fields | {"timestamp": {"_type_": "datetime_iso", "_data_": NOON.isoformat()}})
            try:
                made.append(read_event(UUID(int=1), f"biomero.eventsourcing:Some.{name}", state.encode()))
            except ValueError:
                continue
        return made

    tasks_of(events(workflow))
    try:
        run = past_workflow(events(workflow), [events(some) for some in tasks], USERS, GROUPS)
    except ValueError:
        assert not events(workflow) or events(workflow)[0].name != "WorkflowInitiated"
    else:
        assert MigratedRun.model_validate_json(run.model_dump_json()) == run
        assert len(json.dumps(run.parameters)) < MOST_PARAMETERS


@given(st.lists(st.text(max_size=30)), st.text(max_size=100), st.lists(st.tuples(st.text(max_size=20), st.text())))
def test_whatever_rows_say_an_order_of_them_can_be_kept(
    paths: list[str], destination: str, written: list[tuple[str, str]]
) -> None:
    lines = [StoredStage(stage=stage, at=None, description=said) for stage, said in written] or stages("Import Failed")
    kept = past_order(row(files=json.dumps(paths), destination_id=destination), lines, None)
    assert MigratedRun.model_validate_json(kept.model_dump_json()) == kept
    assert len(kept.ordered["files"]) == len(paths)
