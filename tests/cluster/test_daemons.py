"""Each daemon is killed while jobs run: it is started again by itself, and what Slurm promises of the jobs holds."""

from __future__ import annotations

import pytest

from sandbox.cluster.machine import Machine
from sandbox.site import Site
from sandbox.site.status import State
from tests.cluster.processes import count_processes, wait_until
from tests.cluster.user import User


def kill_and_wait(site: Site, service: str) -> None:
    """kill -9, then wait until the service is ready again by itself."""
    status = site.status()
    assert status is not None
    before = status.services[service].restarts
    site.kill(service)
    site.wait_until(service, lambda now: now.restarts > before and now.state is State.READY, 60.0)


def test_a_job_goes_on_while_slurmctld_is_killed(user: User, cluster: Site) -> None:
    job = user.submit("until [ -e go-on ]; do sleep 0.1; done; echo done")
    user.wait_for(job, "RUNNING")
    waiting = user.submit("true", "--hold", "--comment=kept")
    # slurmctld writes its state down within five seconds; a job that is younger when it dies is lost.
    state = Machine(cluster.home).spool / "slurmctld" / "job_state"
    wait_until(lambda: state.exists() and b"kept" in state.read_bytes())
    kill_and_wait(cluster, "slurmctld")
    assert user.job(job)["JobState"] == "RUNNING"
    assert user.job(waiting)["Comment"] == "kept"
    user.ask("touch go-on")
    assert user.wait_for(job, "COMPLETED")["Restarts"] == "0"
    assert user.log(job) == "done\n"
    user.cancel([waiting])


def test_the_jobs_of_a_killed_node_are_requeued_or_failed(user: User, cluster: Site) -> None:
    node = user.access.nodes[0]
    command = "sleep 314.159"
    again = user.submit(f"echo start; {command}", "--requeue", f"--nodelist={node}")
    lost = user.submit(command, "--no-requeue", f"--nodelist={node}")
    wait_until(lambda: count_processes(command) == 2)

    kill_and_wait(cluster, "node1")
    assert user.job(lost)["JobState"] == "NODE_FAIL"
    assert user.job(again)["Restarts"] == "1"
    assert count_processes(command) == 0, "a node's processes end with it"

    user.ask(f"scontrol update jobid={again} starttime=now")  # else it waits ten seconds
    user.wait_for(again, "RUNNING")
    wait_until(lambda: user.log(again).split().count("start") == 2)
    user.cancel([again])
    user.wait_for(again, "CANCELLED")


def test_a_node_that_is_set_down_fails_its_jobs_at_once_and_is_used_again(user: User, cluster: Site) -> None:
    machine, node = Machine(cluster.home), user.access.nodes[1]
    job = user.submit("sleep 300", "--no-requeue", f"--nodelist={node}")
    user.wait_for(job, "RUNNING")
    assert machine.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test").returncode == 0
    user.wait_for(job, "NODE_FAIL")
    job = user.submit("true", f"--nodelist={node}")
    user.wait_for(job, "COMPLETED")


def test_a_killed_sshd_ends_every_session_and_comes_back_with_its_key(user: User, cluster: Site) -> None:
    before = user.ask("hostname; echo $$ > session")
    command = "sleep 1618.0339"
    user.ask(f"nohup {command} > /dev/null 2>&1 &")
    wait_until(lambda: count_processes(command) == 1)
    kill_and_wait(cluster, "sshd")
    assert count_processes(command) == 0
    assert user.ask("hostname") == before


def test_jobs_end_while_the_accounting_is_away_and_are_in_it_afterwards(user: User, cluster: Site) -> None:
    cluster.hold("slurmdbd", kill=True)
    try:
        job = user.submit("exit 5")
        user.wait_for(job, "FAILED")
        assert user.run(f"sacct --jobs={job}").status != 0
    finally:
        cluster.release("slurmdbd")
    assert user.wait_for_sacct(job, "FAILED") == "5:0"


@pytest.mark.parametrize("service", ["munge", "mariadb"])
def test_what_the_others_stand_on_comes_back(user: User, cluster: Site, service: str) -> None:
    kill_and_wait(cluster, service)
    job = user.submit("true")
    user.wait_for(job, "COMPLETED")
    assert user.ask(f"sacct --noheader --jobs={job}")
