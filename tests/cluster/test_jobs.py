"""What can become of a job, asked for as a client asks: through ssh, as the user."""

from __future__ import annotations

import pytest

from tests.cluster.processes import count_processes, wait_until
from tests.cluster.user import User


def test_a_job_runs_as_the_user_on_a_node(user: User) -> None:
    job = user.submit('id --user --name; echo "$SLURMD_NODENAME"')
    assert user.wait_for(job, "COMPLETED", "FAILED")["ExitCode"] == "0:0"
    name, node = user.log(job).split()
    assert name == user.access.user
    assert node in user.access.nodes


def test_a_job_that_fails_keeps_its_exit_status(user: User) -> None:
    job = user.submit("exit 3")
    assert user.wait_for(job, "COMPLETED", "FAILED")["ExitCode"] == "3:0"


def test_a_cancelled_job_ends_with_all_it_started(user: User) -> None:
    command = "sleep 2718.2818"
    job = user.submit(f"{command} & {command}")
    wait_until(lambda: count_processes(command) == 2)
    user.cancel([job])
    user.wait_for(job, "CANCELLED")
    wait_until(lambda: count_processes(command) == 0)


def test_squeue_and_sacct_find_a_job_by_what_sbatch_was_given(user: User) -> None:
    good, bad = user.submit("true"), user.submit("exit 3")
    named = user.submit("sleep 60", "--job-name=7f0c", "--comment=token 7f0c", "--partition=low")
    user.wait_for(named, "RUNNING")
    assert user.ask("squeue --noheader --name=7f0c --format='%i|%T|%k'").strip() == f"{named}|RUNNING|token 7f0c"
    user.cancel([named])

    user.wait_for_sacct(named, "CANCELLED")
    found = user.ask("sacct -X -n -P --name=7f0c --starttime=now-1hour --format=JobID,Comment,Partition")
    assert found.strip() == f"{named}|token 7f0c|low"
    assert user.wait_for_sacct(good, "COMPLETED") == "0:0"
    assert user.wait_for_sacct(bad, "FAILED") == "3:0"


def test_the_tasks_of_an_array_end_each_by_itself(user: User) -> None:
    job = user.submit('exit "$SLURM_ARRAY_TASK_ID"', "--array=0-2")
    codes = {task: user.wait_for(f"{job}_{task}", "COMPLETED", "FAILED")["ExitCode"] for task in range(3)}
    assert codes == {0: "0:0", 1: "1:0", 2: "2:0"}


def test_a_job_without_the_submitters_environment_still_has_slurms_commands(user: User) -> None:
    job = user.submit('squeue --noheader --format=%i --jobs="$SLURM_JOB_ID"', "--export=NONE")
    user.wait_for(job, "COMPLETED")
    assert job in user.log(job).split()


def test_a_partitions_limit_keeps_a_job_waiting_with_a_reason(user: User) -> None:
    job = user.submit("true", "--partition=short", "--time=5")
    wait_until(lambda: user.job(job)["Reason"] == "PartitionTimeLimit")
    assert user.job(job)["JobState"] == "PENDING"
    user.cancel([job])


def test_a_job_over_its_memory_is_killed_and_says_so(user: User) -> None:
    if user.access.unlimited is not None:
        pytest.skip(user.access.unlimited)
    job = user.submit("head --bytes=400M /dev/zero | tail | wc --bytes", "--mem=60")
    user.wait_for(job, "OUT_OF_MEMORY")
    assert "oom-kill" in user.log(job)


def test_a_job_in_low_gives_its_place_to_one_in_main_and_runs_again(user: User) -> None:
    whole_node = "--cpus-per-task=4"
    low = [user.submit("echo start; sleep 300", "--partition=low", whole_node) for _ in user.access.nodes]
    for job in low:
        user.wait_for(job, "RUNNING")
    urgent = user.submit("true", "--partition=main", whole_node)
    user.wait_for(urgent, "COMPLETED")
    displaced = [job for job in low if user.job(job)["Restarts"] == "1"]
    assert len(displaced) == 1

    user.wait_for(displaced[0], "RUNNING")
    wait_until(lambda: user.log(displaced[0]).split().count("start") == 2)
    user.cancel(low)
    for job in low:
        user.wait_for(job, "CANCELLED")
