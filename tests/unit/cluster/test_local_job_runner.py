"""The local job runner's queue and Slurm's commands over it, with real processes and no login."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.local_cluster import running_job
from sandbox.local_cluster.queue import Queue
from sandbox.local_cluster.running_job import JOB_MARK
from sandbox.site.processes import find_carrying
from sandbox.slurm_commands.__main__ import main
from sandbox.slurm_commands.job_store import Job, JobStore, Submission
from sandbox.workflows.direct_run import make_command


def submission(folder: Path, script: str, **changes: object) -> Submission:
    fields: dict[str, object] = {
        "name": "job",
        "comment": "",
        "folder": str(folder),
        "output": "%A_%a.log",
        "append": True,
        "script": f"#!/bin/sh\n{script}\n".encode(),
        "environment": {"PATH": "/usr/bin:/bin"},
        "cpus": 1,
        "memory_mb": 100,
        "minutes": None,
        "tasks": (None,),
        "at_once": None,
        "held": False,
        **changes,
    }
    return Submission(**fields)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def look_until(queue: Queue, so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "not so in time"
        queue.look()
        time.sleep(0.02)


def ended(store: JobStore) -> Callable[[], bool]:
    return lambda: all(job.ended is not None for job in store.find())


def test_a_job_ends_with_all_it_started_also_what_left_its_session(store: JobStore, tmp_path: Path) -> None:
    queue = Queue(store, tmp_path, {})
    number = store.submit(submission(tmp_path, "setsid sleep 600 & setsid sleep 601 & exit 3"), time.time())
    look_until(queue, ended(store))
    (job,) = store.find()
    assert (job.state, job.exit_code) == ("FAILED", 3)
    assert find_carrying(f"{JOB_MARK}={tmp_path}:{number}") == []


def test_a_job_over_its_time_is_told_to_end_and_then_killed(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_job, "KILL_WAIT", 0.5)
    queue = Queue(store, tmp_path, {})
    for script in ("trap 'echo told; exit 9' TERM; sleep 600 & wait", "trap '' TERM; while :; do sleep 0.1; done"):
        store.submit(submission(tmp_path, script, minutes=0.01), time.time())
    look_until(queue, ended(store))
    polite, stubborn = store.find()
    assert (polite.state, polite.exit_code, polite.signal) == ("TIMEOUT", 9, 0)
    assert (stubborn.state, stubborn.exit_code, stubborn.signal) == ("TIMEOUT", 0, 9)
    assert (tmp_path / f"{polite.number}_0.log").read_text() == "told\n"


def test_an_arrays_limit_holds_and_no_more_run_than_there_are_processors(store: JobStore, tmp_path: Path) -> None:
    queue = Queue(store, tmp_path, {})
    store.submit(submission(tmp_path, "until [ -e go ]; do sleep 0.05; done", tasks=(0, 1, 2, 5), at_once=2), 1.0)
    store.submit(submission(tmp_path, "true", cpus=3), 2.0)

    def standing() -> list[tuple[str, str]]:
        return [(job.state, job.reason) for job in store.find()]

    limited = ("PENDING", "JobArrayTaskLimit")
    look_until(queue, lambda: standing()[2:] == [limited, limited, ("PENDING", "Resources")])
    assert standing()[:2] == [("RUNNING", "None")] * 2
    (tmp_path / "go").touch()
    look_until(queue, ended(store))
    assert [job.shown_id for job in store.find()] == ["1_0", "1_1", "1_2", "1_5", "5"]
    assert {job.state for job in store.find()} == {"COMPLETED"}


def test_jobs_of_a_queue_that_died_are_lost_and_say_so(store: JobStore, tmp_path: Path) -> None:
    """Nobody may take them for running: the run would wait for ever."""
    store.submit(submission(tmp_path, "true"), time.time())
    (job,) = store.find()
    assert store.begin(job, time.time())
    Queue(store, tmp_path, {})
    assert [job.state for job in store.find()] == ["NODE_FAIL"]


def test_a_cancelled_job_that_waits_is_never_started(store: JobStore, tmp_path: Path) -> None:
    store.submit(submission(tmp_path, "touch started"), time.time())
    read: list[Job] = store.find()
    store.cancel(read, time.time())
    assert not store.begin(read[0], time.time())
    Queue(store, tmp_path, {}).look()
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sbatch", "--partition=gpu", "job.sh"], "Invalid partition name specified"),
        (["sbatch", "--cpus-per-task=64", "job.sh"], "Requested node configuration is not available"),
        (["sbatch", "--gres=gpu:1", "job.sh"], "Invalid option: unrecognized arguments: --gres=gpu:1"),
        (["sbatch", "--array=3-1", "job.sh"], "Invalid job array specification"),
        (["sbatch", "--time=soon", "job.sh"], "Invalid --time specification"),
        (["squeue", "--jobs=7"], "Invalid job id specified"),
        (["squeue", "--format=%q"], "Invalid format specification"),
        (["sacct", "--format=Colour"], "Invalid field requested"),
        (["scontrol", "requeue", "7"], "has no `scontrol requeue 7`"),
        (["scancel"], "No job identification provided"),
    ],
)
def test_what_it_has_not_is_refused_by_name(
    words: list[str],
    said: str,
    store: JobStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "job.sh").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    store.submit(submission(tmp_path, "true"), time.time())
    try:
        status = main([str(tmp_path / "jobs.sqlite"), *words])
    except SystemExit as ending:
        status = int(str(ending.code))
    assert status == 1
    assert said in capsys.readouterr().err
    assert len(store.find()) == 1


def test_a_workflow_without_a_container_gets_the_tasks_own_folders(tmp_path: Path) -> None:
    image = tmp_path / "nuclei.module"
    image.write_text("sandbox.workflows.nuclei\n")
    folders = {"/data/in": "/scratch/7/in", "/data/out": "/scratch/7/out"}
    words = ["--infolder", "/data/in", "--outfolder", "/data/out/a b", "--name", "/data/input"]
    assert make_command(image, folders, words) == [
        *(sys.executable, "-m", "sandbox.workflows.nuclei", "--infolder", "/scratch/7/in"),
        *("--outfolder", "/scratch/7/out/a b", "--name", "/data/input"),
    ]
    image.write_text("os\n")
    with pytest.raises(ValueError, match="does not name a workflow"):
        make_command(image, folders, words)
