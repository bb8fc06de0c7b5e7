"""What is written on results, word for word: BIOMERO's keys, by which sites search, and our own."""

from __future__ import annotations

from pathlib import Path

from contracts import namespaces
from contracts.run_results import ResultKind
from tasks.result_key_values import input_key_values, map_annotations, result_key_values
from tasks.result_run import result_token
from tests.unit.tasks.result_bench import TOKEN, ResultBench, staged

PATH = f".analyzed/{TOKEN}/1/18_others_labels.tif"


def test_on_a_result_of_one_input(tmp_path: Path) -> None:
    work = ResultBench(tmp_path).work
    workflow, task, job, ours = result_key_values(work, ResultKind.IMAGE, PATH, 1, staged(18, "others"), "ab" * 32)
    task_id = dict(workflow[2])["Task_IDs"]
    assert workflow == (
        "biomero/workflow",
        ("Workflow_ID", str(TOKEN)),
        (
            ("Workflow_ID", str(TOKEN)),
            ("Name", "nuclei"),
            ("Version", "v1.2"),
            ("Created_On", "2026-11-23T08:00:05+00:00"),
            ("Modified_On", "2026-11-23T09:30:00+00:00"),
            ("Task_IDs", task_id),
        ),
    )
    assert task == (
        "biomero/workflow/task/nuclei",
        ("Workflow_ID", str(TOKEN)),
        (
            ("Task_ID", task_id),
            ("Workflow_ID", str(TOKEN)),
            ("Workflow_Name", "nuclei"),
            ("Name", "nuclei"),
            ("Version", "v1.2"),
            ("Created_On", "2026-11-23T08:00:05+00:00"),
            ("Modified_On", "2026-11-23T09:30:00+00:00"),
            ("Status", "COMPLETED"),
            ("Input_Data", "Image:18"),
            ("Job_IDs", "4711_1"),
            ("Param_diameter", "30"),
            ("Param_note", 'a"; touch x; "'),
            ("Param_gpu", "True"),
        ),
    )
    assert job == (
        "biomero/workflow/task/nuclei/job",
        ("Job_ID", "4711_1"),
        (("Job_ID", "4711_1"), ("Task_ID", task_id), ("Workflow_ID", str(TOKEN))),
    )
    token = ("Result", result_token(TOKEN, ResultKind.IMAGE, PATH))
    assert ours == (
        "omero-flows/result",
        token,
        (
            token,
            ("UUID", str(TOKEN)),
            ("Workflow", "nuclei"),
            ("Version", "v1.2"),
            ("Container", "ghcr.io/lab/nuclei:v1.2"),
            ("Container_Digest", "sha256:abcd"),
            ("Input_Image", "18"),
            ("Input_Name", "others.czi [1]"),
            ("Input_File", "others.czi"),
            ("Username", "alice"),
            ("Group", "lab-a"),
            ("Result_Path", PATH),
            ("Result_SHA256", "ab" * 32),
            ("Task", "1"),
            ("Job_ID", "4711_1"),
            ("Param_diameter", "30"),
            ("Param_note", 'a"; touch x; "'),
            ("Param_gpu", "True"),
        ),
    )


def test_on_a_result_of_the_whole_run(tmp_path: Path) -> None:
    work = ResultBench(tmp_path).work
    found = {name: pairs for name, _, pairs in result_key_values(work, ResultKind.ARCHIVE, PATH, None, None)}
    assert set(found) == {namespaces.WORKFLOW, f"{namespaces.WORKFLOW}/task/nuclei", namespaces.RESULT}
    assert dict(found[f"{namespaces.WORKFLOW}/task/nuclei"])["Job_IDs"] == "4711_0, 4711_1"
    ours = found[namespaces.RESULT]
    assert dict(ours)["Input_Data"] == "Dataset:3, Image:18"
    assert [value for key, value in ours if key == "Job_ID"] == ["4711_0", "4711_1"]
    assert not {"Task", "Input_Image", "Result_SHA256"} & set(dict(ours))


def test_an_unknown_job_is_not_made_up(tmp_path: Path) -> None:
    work = ResultBench(tmp_path, jobs=()).work
    found = {name: dict(pairs) for name, _, pairs in result_key_values(work, ResultKind.TABLE, PATH, 1, None)}
    assert f"{namespaces.WORKFLOW}/task/nuclei/job" not in found
    assert "Job_ID" not in found[namespaces.RESULT]
    assert found[f"{namespaces.WORKFLOW}/task/nuclei"]["Job_IDs"] == ""


def test_tokens_tell_runs_results_and_kinds_apart() -> None:
    tokens = {result_token(TOKEN, kind, path) for kind in ResultKind for path in ("a", "b")}
    assert len(tokens) == 2 * len(ResultKind)
    assert result_token(TOKEN, ResultKind.IMAGE, "a") in tokens


def test_on_an_input(tmp_path: Path) -> None:
    bench = ResultBench(tmp_path)
    namespace, identity, pairs = input_key_values(bench.run, bench.facts)
    assert (namespace, identity) == ("omero-flows/analysis", ("UUID", str(TOKEN)))
    assert pairs == (
        ("UUID", str(TOKEN)),
        ("Workflow", "nuclei"),
        ("Version", "v1.2"),
        ("Username", "alice"),
        ("Group", "lab-a"),
        ("Created_On", "2026-11-23T08:00:05+00:00"),
    )


def test_long_values_are_split(tmp_path: Path) -> None:
    bench = ResultBench(tmp_path)
    long = "µ" * 3000
    run = bench.run.model_copy(update={"parameters": {"prompt": long}})
    work = bench.work
    work.run = run
    *_, ours = map_annotations(result_key_values(work, ResultKind.IMAGE, PATH, 0, None))
    parts = [pair.value for pair in ours.getMapValue() if pair.name.startswith("Param_prompt")]
    assert len(parts) > 1
    assert "".join(parts) == long
