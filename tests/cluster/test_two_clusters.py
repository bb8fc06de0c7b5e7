"""Clusters side by side, without accounting, and what is left of one that ends: nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cluster.control_groups import ROOT
from sandbox.site import Site
from sandbox.site.processes import find_marked, wait_until_ended
from tests.cluster.processes import processes_of, wait_until
from tests.cluster.user import User


@pytest.fixture
def other(tmp_path: Path, cluster: Site) -> Iterator[Site]:
    """A second site beside the ring's, in a deep folder, by somebody careful: no accounting, jobs soon forgotten."""
    deep = tmp_path / "a folder whose path is too long for sockets" / ("x" * 100)
    site = Site(deep, bound_to_me=True, accounting=False, min_job_age=5)
    before = os.umask(0o077)
    try:
        site.start(["slurm"])
        yield site
    finally:
        os.umask(before)
        site.stop()


def log_in(site: Site) -> User:
    access = site.cluster
    assert access is not None
    return User(access)


def assert_nothing_is_left(site: Site, user_id: int, nodes: tuple[str, ...]) -> None:
    assert find_marked(site.home.root) == []
    assert processes_of(user_id) == []
    assert [group for node in nodes for group in ROOT.glob(f"*/slurm_{node}")] == []


def test_two_clusters_do_not_meet(other: Site, user: User, cluster: Site) -> None:
    neighbour = log_in(other)
    assert neighbour.access.port != user.access.port
    assert not set(neighbour.access.nodes) & set(user.access.nodes)
    assert neighbour.access.known_hosts.split()[2] != user.access.known_hosts.split()[2]

    ours, theirs = user.submit("sleep 300", "--job-name=ours"), neighbour.submit("sleep 300", "--job-name=theirs")
    user.wait_for(ours, "RUNNING")
    neighbour.wait_for(theirs, "RUNNING")
    assert neighbour.ask("squeue --noheader --format=%j").split() == ["theirs"]
    assert "theirs" not in user.ask("squeue --noheader --format=%j").split()

    user_id, nodes = int(neighbour.ask("id --user")), neighbour.access.nodes
    other.stop()
    assert_nothing_is_left(other, user_id, nodes)
    assert user.job(ours)["JobState"] == "RUNNING", "stopping one site must not touch the other"
    user.cancel([ours])


def test_without_accounting_slurmctld_alone_knows_a_job_and_forgets_it(other: Site) -> None:
    user = log_in(other)
    assert not user.access.accounting
    status = other.status()
    assert status is not None and not {"slurmdbd", "mariadb"} & set(status.services)
    sacct = user.run("sacct")
    assert (sacct.status, sacct.error.strip()) == (1, "Slurm accounting storage is disabled")

    job = user.submit("exit 2")
    assert user.wait_for(job, "FAILED")["ExitCode"] == "2:0"
    wait_until(lambda: "Invalid job id" in user.run(f"scontrol show job {job}").error, seconds=120)


def test_nothing_is_left_after_kill_9_of_the_supervisor(other: Site) -> None:
    user = log_in(other)
    job = user.submit("setsid sleep 300 & trap '' TERM; while :; do sleep 1; done")
    user.wait_for(job, "RUNNING")
    user.ask("setsid nohup sleep 300 > /dev/null 2>&1 &")
    user_id, nodes = int(user.ask("id --user")), user.access.nodes
    wait_until(lambda: len(processes_of(user_id)) >= 4)
    status = other.status()
    assert status is not None
    os.kill(status.supervisor.pid, signal.SIGKILL)
    wait_until_ended([status.supervisor], 5.0)
    assert processes_of(user_id), "they outlive the supervisor: this is what has to be cleaned up"

    assert other.stop() > 0
    assert_nothing_is_left(other, user_id, nodes)


def test_a_cluster_that_was_stopped_still_has_its_jobs_keys_and_files(other: Site) -> None:
    user = log_in(other)
    before = user.access
    user.ask(f"echo kept > {before.scratch}/kept")
    waiting, running = user.submit("true", "--hold"), user.submit("sleep 300", "--no-requeue")
    user.wait_for(running, "RUNNING")
    user.close()
    other.stop()

    other.start(["slurm"])
    user = log_in(other)
    assert user.access == before
    assert user.ask(f"cat {before.scratch}/kept") == "kept\n"
    assert user.job(waiting)["Reason"] == "JobHeldUser"
    assert user.job(running)["JobState"] == "NODE_FAIL"
