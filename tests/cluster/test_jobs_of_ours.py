"""A job of ours from the submission to the verdict, on a real Slurm."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from blocks.job_end import examine
from blocks.job_log import parse_progress, read_tails
from blocks.run_folder import prepare
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.failures import FailureCategory
from contracts.slurm_job import Outcome, Witness
from contracts.slurm_state import JobState
from tests.cluster.jobs import ON_BOTH_CLUSTERS, begin, request, run_to_end, wait_for
from tests.cluster.login import Login

ARGUMENTS = [
    'nuclei"; touch /tmp/x; echo "',
    "two\nlines\n",
    "it's $HOME `id` \\ !x *",
    "",
    "-n",
    "naïve µm 細胞",
    "x" * 60_000,
]


@ON_BOTH_CLUSTERS
def test_arguments_arrive_as_they_were_typed(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("arguments", 'for word; do printf "%s\\0" "$word"; done > "$OUT/words"; ls "$IN" > "$OUT/in"')
    end = run_to_end(slurm, connection, request(token, image, *ARGUMENTS))
    assert [verdict.outcome for verdict in end.verdicts] == [Outcome.SUCCEEDED]
    said = login.ask(f"tr '\\0' '\\1' < {login.folder(token)}/attempt-1/out/0/words")
    assert said.split("\1")[:-1] == ARGUMENTS
    assert login.ask(f"cat {login.folder(token)}/attempt-1/out/0/in") == "0_a.txt"


@ON_BOTH_CLUSTERS
def test_a_good_job_says_so_itself(slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID) -> None:
    image = login.install("good", 'echo "progress: 1 of 1"; cp "$IN"/* "$OUT"/')
    end = run_to_end(slurm, connection, request(token, image))
    job = begin(slurm, connection, request(token, image))
    (verdict,) = end.verdicts
    assert (verdict.outcome, verdict.witness, verdict.exit_code) == (Outcome.SUCCEEDED, Witness.JOB, 0)
    assert verdict.state is JobState.COMPLETED and verdict.failure is None and verdict.restarts == 0
    assert verdict.accounting is not None and verdict.accounting.node and "cpu=1" in verdict.accounting.allocated
    if slurm.accounting:
        assert "billing" in verdict.accounting.raw and ".batch" in verdict.accounting.raw
    (result,) = end.results
    assert (result.task, result.path, result.size) == (0, "0_a.txt", 8)
    assert read_tails(slurm, connection, [(job, 0)])[token, 1, 0].splitlines()[1:] == [
        "progress: 1 of 1",
        "omero-flows: task 0 ended with 0",
    ]


@ON_BOTH_CLUSTERS
def test_a_failed_job_keeps_its_code_and_its_log(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("bad", "echo half > \"$OUT/half\"; printf 'no such\\rchannel 7\\n' >&2; exit 3")
    end = run_to_end(slurm, connection, request(token, image))
    (verdict,) = end.verdicts
    assert (verdict.outcome, verdict.witness, verdict.exit_code) == (Outcome.FAILED, Witness.JOB, 3)
    assert verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_FAILED
    assert "exit code 3" in verdict.failure.summary
    assert "channel 7" in verdict.log.splitlines()
    assert end.results == () and end.refused == ()


@ON_BOTH_CLUSTERS
def test_each_task_of_an_array_has_its_own_verdict_and_a_retry_runs_only_the_bad_ones(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("mixed", 'read -r _ task < "$IN"/*; cp "$IN"/* "$OUT"/; [ $((task % 3)) != "$1" ]')
    end = run_to_end(slurm, connection, request(token, image, "1", tasks=tuple(range(7)), at_once=4))
    bad = tuple(verdict.task for verdict in end.verdicts if verdict.outcome is Outcome.FAILED)
    assert bad == (1, 4)
    assert [verdict.log != "" for verdict in end.verdicts] == [task in bad for task in range(7)]
    assert [(result.task, result.path) for result in sorted(end.results, key=lambda r: r.task)] == [
        (task, f"{task}_a.txt") for task in range(7) if task not in bad
    ]

    again = run_to_end(slurm, connection, request(token, image, "2", attempt=2, tasks=bad))
    assert [(verdict.task, verdict.outcome) for verdict in again.verdicts] == [(t, Outcome.SUCCEEDED) for t in bad]
    assert {result.task for result in again.results} == set(bad)


def test_a_job_that_needs_too_much_memory_is_called_that(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    if login.ask("scontrol show config | grep -c '^TaskPlugin .*cgroup' || true") == "0":
        pytest.skip("this cluster does not limit memory by control groups")
    image = login.install("hungry", 'head --bytes=300M /dev/zero | tail | wc --bytes > "$OUT/size"')
    end = run_to_end(slurm, connection, request(token, image, memory_mb=60))
    (verdict,) = end.verdicts
    assert verdict.outcome is Outcome.FAILED and verdict.state is JobState.OUT_OF_MEMORY
    assert verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_OUT_OF_MEMORY
    # The pipe's last command ended well, and so did the script: Slurm knows better.
    assert verdict.exit_code == 0 and verdict.witness is Witness.JOB
    assert end.results == (), "what it left is not to be trusted"


@ON_BOTH_CLUSTERS
def test_a_job_cancelled_from_outside_ends_with_all_it_started(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("long", f"echo begun; sleep 3141.{token.int % 1000} & sleep 3141.{token.int % 1000}")
    job = begin(slurm, connection, request(token, image))
    log = f"{login.folder(token)}/attempt-1/0.log"
    login.wait_until(f"grep -q begun {log}")
    login.ask(f"scancel {job.number}")
    wait_for(slurm, connection, job)
    (verdict,) = examine(slurm, connection, job).verdicts
    assert verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_CANCELLED
    assert verdict.state is JobState.CANCELLED
    login.wait_until(f'! pgrep -f "[s]leep 3141.{token.int % 1000}"')


def test_a_preempted_job_is_waited_for_and_its_second_start_counts(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    """The first start writes its verdict (ended by TERM) before Slurm queues the job again: that is no end."""
    image = login.install(
        "twice", 'echo start; echo "$NAME" > "$OUT/name"; [ "${SLURM_RESTART_COUNT:-0}" = 1 ] || sleep 600'
    )
    job = begin(slurm, connection, request(token, image, partition="low"))
    folder = f"{login.folder(token)}/attempt-1"
    login.wait_until(f"grep -q start {folder}/0.log")
    login.ask(f"scontrol requeue {job.number}")
    login.wait_until(f"[ -e {folder}/0.exitcode ]")
    (verdict,) = examine(slurm, connection, job, overdue=True).verdicts
    assert (verdict.outcome, verdict.witness) == (Outcome.NOT_ENDED, Witness.SQUEUE)
    # Slurm keeps a job that was queued again for two minutes.
    login.wait_until(f'[ "$(squeue --noheader --jobs={job.number} --format=%T)" = PENDING ]')
    login.ask(f"scontrol update jobid={job.number} StartTime=now")
    wait_for(slurm, connection, job)
    end = examine(slurm, connection, job)
    (verdict,) = end.verdicts
    assert (verdict.outcome, verdict.restarts) == (Outcome.SUCCEEDED, 1)
    assert [result.path for result in end.results] == ["name"]
    assert re.fullmatch(rf"omero-flows-{job.number}\.1\.\d+", login.ask(f"cat {folder}/out/0/name; ls {folder}/work"))


def test_a_start_that_slurm_took_for_dead_writes_over_nothing(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    """On a node that Slurm gave up, processes may live on, and end after the task was started elsewhere."""
    image = login.install("zombie", 'echo start; until [ -e "$GT/../../go" ]; do sleep 0.1; done; echo old > "$OUT/a"')
    job = begin(slurm, connection, request(token, image))
    folder = f"{login.folder(token)}/attempt-1"
    login.wait_until(f"grep -q start {folder}/0.log")
    login.ask(f"echo {job.number}.1 > {folder}/0.running; touch {login.folder(token)}/go")
    wait_for(slurm, connection, job)
    login.wait_until(f"grep -q 'started again elsewhere' {folder}/0.log")
    assert login.ask(f"ls {folder}/out; [ -e {folder}/0.exitcode ] || echo none") == "none"


@ON_BOTH_CLUSTERS
def test_a_held_job_and_one_that_never_begins_are_told_from_one_that_waits(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("good", "true")
    job = begin(slurm, connection, request(token, image, options={"hold": ""}))
    news = wait_for(slurm, connection, job, lambda news: bool(news.queued))
    (row,) = news.queued
    assert row.state is JobState.PENDING and row.stuck is not None and not news.ended
    login.ask(f"scontrol release {job.number}")
    wait_for(slurm, connection, job)


@ON_BOTH_CLUSTERS
def test_progress_is_read_from_the_log_of_a_running_job(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("slow", 'echo "progress: 3 of 24"; until [ -e "$GT/../../go" ]; do sleep 0.1; done')
    job = begin(slurm, connection, request(token, image))
    log = f"{login.folder(token)}/attempt-1/0.log"
    login.wait_until(f"grep -q progress {log}")
    tails = read_tails(slurm, connection, [(job, 0), (job, 1)])
    assert parse_progress(tails[token, 1, 0]) == 0.125
    assert tails[token, 1, 1] == ""
    login.ask(f"touch {login.folder(token)}/go")


@ON_BOTH_CLUSTERS
def test_a_run_whose_folder_is_gone_is_still_found(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    image = login.install("good", "true")
    job = begin(slurm, connection, request(token, image))
    wait_for(slurm, connection, job)
    login.ask(f"chmod -R u+w {login.folder(token)}; rm -r {login.folder(token)}")
    if slurm.accounting:
        login.wait_until(f'[ -n "$(sacct -n -X --name={token})" ]')
    run = prepare(slurm, connection, token, began=job.submitted)
    assert run.attempts == () and [row.number for row in run.queued] == [job.number]
    assert [entry.number for entry in run.accounted] == ([job.number] if slurm.accounting else [])


def test_a_job_at_its_time_limit_is_called_that(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    """Takes a minute and more: Slurm counts in minutes. The job knows it by itself, for clusters without accounting."""
    image = login.install("long", "sleep 600")
    job = begin(slurm, connection, request(token, image, minutes=1))
    wait_for(slurm, connection, job)
    (verdict,) = examine(slurm, connection, job).verdicts
    assert verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_TIMED_OUT
    assert (verdict.state, verdict.witness, verdict.exit_code) == (JobState.TIMEOUT, Witness.JOB, 143)
    assert "late=yes" in login.ask(f"cat {login.folder(token)}/attempt-1/0.exitcode")
