"""What befalls a cluster: small disks, jobs that fail or take others' places, and a controller that dies."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.cluster.machine import Machine
from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.told_jobs import ToldCluster, ToldRun

WHOLE_NODE = 4


@contextmanager
def small_disks(site: Site, sizes: dict[uuid.UUID, str]) -> Iterator[None]:
    """A tmpfs for each run's folder, which is there before the run; the login node and the first node see them."""
    scratch = Machine(site.home).scratch
    account = scratch.stat().st_uid
    folders = [scratch / str(token) for token in sizes]
    for folder, size in zip(folders, sizes.values(), strict=True):
        folder.mkdir()
        options = f"size={size},mode=700,uid={account},gid={account}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "scratch", folder], check=True)
    try:
        for service in ("sshd", "node1"):
            site.restart(service)
        yield
    finally:
        for folder in folders:
            subprocess.run(["umount", "--lazy", folder], check=True)
            folder.rmdir()
        for service in ("sshd", "node1"):
            site.restart(service)


def fail_job(cluster: ToldCluster) -> int:
    """The number of a job that has failed."""
    words = ["--parsable", "--wrap=false", "--output=/dev/null", "--chdir=/tmp", "--mem=10"]
    number = int(cluster.admin("sbatch", *words))
    wait_for(
        f"job {number} to fail", lambda: "JobState=FAILED" in cluster.admin("scontrol", "show", "job", str(number))
    )
    return number


def preempt(cluster: ToldCluster, run: ToldRun) -> None:
    """Take the run's place by a job that counts for more."""
    run.wait_until_begun()
    (node,) = {run.shown()["NodeList"]}
    words = ["--parsable", f"--nodelist={node}", f"--cpus-per-task={WHOLE_NODE}", "--mem=10", "--partition=main"]
    cluster.admin("sbatch", *words, "--wrap=true", "--output=/dev/null", "--chdir=/tmp")
    wait_for("the job to be queued again", lambda: run.shown()["Restarts"] == "1")


def kill_slurmctld(cluster: ToldCluster) -> None:
    """Once it has written down all that was done to jobs: it does so within five seconds, as a whole, and loses what
    is younger. A held job is the last thing done; where that is written, everything before it is.
    """
    state = cluster.machine.spool / "slurmctld" / "job_state"
    mark = f"last-{uuid.uuid4()}"
    words = ["--parsable", "--hold", f"--job-name={mark}", "--wrap=true", "--output=/dev/null", "--chdir=/tmp"]
    number = cluster.admin("sbatch", *words, "--mem=10")
    wait_for("all that was done to be written down", lambda: mark.encode() in state.read_bytes())
    cluster.site.kill("slurmctld")
    cluster.site.wait_until_ready("slurmctld")
    cluster.admin("scancel", number)
