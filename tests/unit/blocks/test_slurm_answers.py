"""What Slurm prints, read back. The rows are those of a real Slurm 22.05."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.slurm_answers import (
    expand_tasks,
    parse_accounting,
    parse_controller,
    parse_cpu_time,
    parse_exit,
    parse_queue,
    parse_size,
)
from contracts.slurm_state import JobState

TOKEN = "4c6ef0d0-90f4-4c5f-a4f5-6a5a9ec1a1bb"
FOLDER = f"/scratch/{TOKEN}/attempt-1"


def test_a_waiting_a_running_and_an_array_row() -> None:
    waiting, running, task, other = parse_queue(
        [
            f"5|5|N/A|PENDING|Priority|N/A|{TOKEN}|{FOLDER}",
            f"13|13|N/A|RUNNING|None|1795554089|{TOKEN}|{FOLDER}",
            f"6_3|6|3|PENDING|Nodes required for job are DOWN, DRAINED or reserved|1795554100|{TOKEN}|{FOLDER}",
            "CLUSTER: lab",
            "7|7|N/A|RUNNING|None|1795554089|a|job|/home/x|y",
        ]
    )
    assert (waiting.number, waiting.task, waiting.state, waiting.start) == (5, None, JobState.PENDING, None)
    assert running.start == datetime.fromtimestamp(1795554089, UTC)
    assert (task.number, task.task, task.name, task.folder) == (6, 3, TOKEN, FOLDER)
    assert (other.name, other.folder) == ("a", "job|/home/x|y"), "wrong, but never taken for one of ours"


@pytest.mark.parametrize("row", ["slurm_load_jobs error: Invalid job id", "5|x|N/A|PENDING|Priority|N/A|n|f", "a|b"])
def test_what_is_no_row_is_refused(row: str) -> None:
    with pytest.raises(ValueError):
        parse_queue([row])
    with pytest.raises(ValueError):
        parse_accounting([row])
    with pytest.raises(ValueError):
        parse_controller([row])


text = st.text(alphabet=st.characters(exclude_characters="|\n", exclude_categories=["Cs"]))


@given(
    st.integers(1, 10**9),
    st.none() | st.integers(0, 10**6),
    st.sampled_from(JobState),
    text,
    st.integers(1, 2**31),
    text,
)
def test_any_row_of_squeue_comes_back(
    number: int, task: int | None, state: JobState, reason: str, start: int, folder: str
) -> None:
    row = f"{number}_{task}|{number}|{'N/A' if task is None else task}|{state}|{reason}|{start}|{TOKEN}|{folder}"
    (job,) = parse_queue([row])
    assert (job.number, job.task, job.state, job.reason, job.name, job.folder) == (
        number,
        task,
        state,
        reason,
        TOKEN,
        folder,
    )


def test_ten_thousand_rows_are_read_one_by_one() -> None:
    rows = [f"{n}|{n}|N/A|PENDING|Priority|N/A|{TOKEN}|{FOLDER}" for n in range(1, 10_001)]
    assert [job.number for job in parse_queue(rows)] == list(range(1, 10_001))


def test_steps_are_folded_into_their_job() -> None:
    (entry,) = parse_accounting(
        [
            f"2|2|CANCELLED by 1001|0:15|61|00:00.005||billing=1,cpu=1,mem=100M,node=1|n1|1|2|{TOKEN}|{FOLDER}",
            "2.batch|2.batch|CANCELLED|0:15|61|00:00.005|4366336|cpu=1,mem=100M,node=1|n1|1|2|batch|",
            "2.extern|2.extern|COMPLETED|0:0|61|00:00|12K|cpu=1,mem=100M,node=1|n1|1|2|extern|",
        ]
    )
    assert (entry.state, entry.word) == (JobState.CANCELLED, "CANCELLED by 1001")
    assert (entry.exit_code, entry.signal, entry.elapsed_seconds, entry.max_rss) == (0, 15, 61, 4366336)
    assert entry.allocated == "billing=1,cpu=1,mem=100M,node=1" and entry.raw.count("\n") == 2


def test_an_arrays_rows_are_one_for_each_task_also_of_those_that_never_began() -> None:
    entries = parse_accounting(
        [
            f"6_0|7|COMPLETED|0:0|3|01:02.500||cpu=1|n2|1|4|{TOKEN}|{FOLDER}",
            f"6_[1-2,4%2]|6|CANCELLED by 1|0:0|0|00:00:00||cpu=1|None assigned|Unknown|5|{TOKEN}|{FOLDER}",
        ]
    )
    assert [(entry.number, entry.task, entry.state) for entry in entries] == [
        (6, 0, JobState.COMPLETED),
        (6, 1, JobState.CANCELLED),
        (6, 2, JobState.CANCELLED),
        (6, 4, JobState.CANCELLED),
    ]
    assert entries[0].cpu_seconds == 62.5 and entries[1].started is None


def test_a_line_of_the_controller() -> None:
    line = (
        f"JobId=10 ArrayJobId=6 ArrayTaskId=3 ArrayTaskThrottle=2 JobName={TOKEN} UserId=hpc(1001) JobState=FAILED"
        " Reason=NonZeroExitCode Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=1:0"
        " RunTime=1-02:03:04 TimeLimit=UNLIMITED StartTime=1795554068 EndTime=1795554069 NodeList=n2 BatchHost=n2"
        f" TRES=cpu=1,mem=50M,node=1,billing=1 Command={FOLDER}/job.sh WorkDir={FOLDER} Comment={TOKEN} Power= "
    )
    (entry,) = parse_controller([line])
    assert (entry.number, entry.task, entry.state, entry.exit_code) == (6, 3, JobState.FAILED, 1)
    assert (entry.name, entry.folder, entry.node, entry.elapsed_seconds) == (TOKEN, FOLDER, "n2", 93784)
    assert entry.allocated == "cpu=1,mem=50M,node=1,billing=1" and entry.raw == line


@given(st.sets(st.integers(0, 300), min_size=1))
def test_array_expressions_are_expanded_as_they_were_written(tasks: set[int]) -> None:
    from blocks.job_script import array_expression

    assert expand_tasks(f"[{array_expression(sorted(tasks))}%7]") == sorted(tasks)


@pytest.mark.parametrize(
    ("expression", "tasks"), [("3", [3]), ("[0-20:5]", [0, 5, 10, 15, 20]), ("[1,3-4]", [1, 3, 4])]
)
def test_array_expressions_of_slurm(expression: str, tasks: list[int]) -> None:
    assert expand_tasks(expression) == tasks


@pytest.mark.parametrize("expression", ["", "[]", "[3-1]", "[0-9:0]", "[1,3,...]", "[0-99999999]", "x"])
def test_what_is_no_array_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError):
        expand_tasks(expression)


@pytest.mark.parametrize(
    ("cell", "size"), [("", None), ("0", 0), ("4366336", 4366336), ("12K", 12288), ("1.50G", 1610612736), ("16?", None)]
)
def test_sizes(cell: str, size: int | None) -> None:
    assert parse_size(cell) == size


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [("", 0.0), ("00:00.005", 0.005), ("01:02", 62.0), ("1-00:00:01", 86401.0), ("26:03:04", 93784.0)],
)
def test_cpu_times(cell: str, seconds: float) -> None:
    assert parse_cpu_time(cell) == seconds


def test_the_line_of_a_jobs_trap() -> None:
    end = parse_exit(
        "task=3 code=143 signal=TERM late=yes restarts=1 job=77 node=n1 started=1795554068 ended=1795554128"
    )
    assert (end.task, end.code, end.signal, end.time_limit, end.restarts, end.number) == (3, 143, "TERM", True, 1, 77)
    assert (end.ended - end.started).total_seconds() == 60


@pytest.mark.parametrize(
    "line",
    [
        "",
        "task=3 code=0",
        "task=3 code=0 signal=- late=no restarts=0 job=77 node=n1 started=1 ended=",
        "task=3 code=0 signal=- late=no restarts=0 job=77 node=n1 started=1 ended=2 more",
        "task=../3 code=0 signal=- late=no restarts=0 job=77 node=n1 started=1 ended=2",
    ],
)
def test_half_a_line_of_a_jobs_trap_is_none(line: str) -> None:
    with pytest.raises(ValueError):
        parse_exit(line)
