"""Every way in which Slurm ends a job, or does not: through the whole flow, with the right end, message and evidence.

The runs are placed together on one site, and the cluster's daemons, nodes and disks fail among them; then each test
looks at one run's end.
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.failures import Failure, FailureCategory
from contracts.run_results import ResultKind
from contracts.slurm_job import Outcome, TaskVerdict, Witness
from contracts.slurm_state import JobState
from sandbox.cluster.machine import Machine
from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.conftest import RunDesk
from tests.sandbox.analysis.told_jobs import (
    FOR_EVER,
    RESULT,
    SECOND_START,
    UNTIL_GO,
    Ended,
    ToldCluster,
    ToldRun,
    told_cluster,
)

pytestmark = pytest.mark.timeout(1500)

#: What a workflow may leave beside a good table: half an image, a file of a kind nobody knows, a link out of its
#: folder, and a file that it wrote outside of it.
ODD = (
    f'{RESULT}; head -c 500 "$(find "$IN" -type f | head -n 1)" > "$OUT/half.ome.tif"; echo text > "$OUT/notes.xyz";'
    ' ln -s /etc/passwd "$OUT/passwd.csv"; echo outside > "$OUT/../../x"'
)
#: Of two tasks the first ends well.
ONE_OF_TWO = f'[ "${{SLURM_ARRAY_TASK_ID:-0}}" = 0 ] || exit 4; {RESULT}'
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


@pytest.fixture(scope="module")
def cluster(desk: RunDesk) -> Iterator[ToldCluster]:
    with told_cluster(desk, stuck_minutes=1, unknown_minutes=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ends(cluster: ToldCluster) -> dict[str, Ended]:
    """Runs that live through the same hour: each one's job is given its fate as soon as Slurm has it."""
    full_staging, full_job = uuid.uuid4(), uuid.uuid4()
    mail = {"mail_to": "alice@example.org", "minutes": 7, "cpus": 2, "memory_mb": 300}
    with small_disks(cluster.site, {full_staging: "64k", full_job: "30m"}):
        runs = {
            "lost with its node": cluster.place(FOR_EVER, where="told-once"),
            "on a node that comes back": cluster.place(SECOND_START, where="told-on-third"),
            "preempted": cluster.place(SECOND_START, where="told-on-second", resources={"partition": "low"}),
            "survivor": cluster.place(f"{UNTIL_GO}; {RESULT}", resources=mail),
            "timed out": cluster.place(FOR_EVER),
            "cancelled": cluster.place(FOR_EVER),
            "held": cluster.place(RESULT, where="told-later"),
            "dependent": cluster.place(RESULT, where="told-later"),
            "out of memory": cluster.place(
                f'{RESULT}; head --bytes=300M /dev/zero | tail | wc --bytes > "$OUT/size.csv"',
                resources={"memory_mb": 60},
            ),
            "disk full in the job": cluster.place('head -c 100M /dev/zero > "$OUT/big.raw"', token=full_job),
            "disk full while staging": cluster.place(RESULT, token=full_staging),
            "odd results": cluster.place(ODD),
            "no results": cluster.place("echo nothing to see"),
        }
        runs["dependent"].change(f"dependency=afterok:{_failed_job(cluster)}")
        cluster.admin("scontrol", "hold", str(runs["held"].job()))
        runs["held"].wait_for_standing("an administrator holds it")
        cluster.admin("scontrol", "release", str(runs["held"].job()))
        runs["held"].change("StartTime=now")

        runs["timed out"].wait_until_begun()
        runs["timed out"].change("endtime=now")
        runs["cancelled"].wait_until_begun()
        cluster.admin("scancel", str(runs["cancelled"].job()))
        _preempt(cluster, runs["preempted"])
        runs["preempted"].hurry()
        for name in ("lost with its node", "on a node that comes back"):
            runs[name].wait_until_begun()
        cluster.site.kill("node3")
        cluster.site.wait_until_ready("node3")
        runs["on a node that comes back"].hurry()

        runs["survivor"].wait_until_begun()
        shown = runs["survivor"].shown()
        assert (shown["MailUser"], shown["MailType"]) == ("alice@example.org", "END,FAIL")
        assert (shown["TimeLimit"], shown["NumCPUs"], shown["MinMemoryNode"]) == ("00:07:00", "2", "300M")
        _kill_slurmctld(cluster, list(runs.values()))
        runs["survivor"].go()
        return {name: run.wait_until_ended() for name, run in runs.items()}


def _failed_job(cluster: ToldCluster) -> int:
    words = ["--parsable", "--wrap=false", "--output=/dev/null", "--chdir=/tmp", "--mem=10"]
    number = int(cluster.admin("sbatch", *words))
    wait_for(
        f"job {number} to fail", lambda: "JobState=FAILED" in cluster.admin("scontrol", "show", "job", str(number))
    )
    return number


def _preempt(cluster: ToldCluster, run: ToldRun) -> None:
    """Take the run's place by a job that counts for more."""
    run.wait_until_begun()
    (node,) = {run.shown()["NodeList"]}
    words = ["--parsable", f"--nodelist={node}", f"--cpus-per-task={WHOLE_NODE}", "--mem=10", "--partition=main"]
    cluster.admin("sbatch", *words, "--wrap=true", "--output=/dev/null", "--chdir=/tmp")
    wait_for("the job to be queued again", lambda: run.shown()["Restarts"] == "1")


def _kill_slurmctld(cluster: ToldCluster, runs: list[ToldRun]) -> None:
    """Once it has written down all of the runs' jobs: it does so within five seconds, and loses younger ones."""
    state = cluster.machine.spool / "slurmctld" / "job_state"
    tokens = [str(run.run.uuid).encode() for run in runs if (run.folder / "attempt-1" / "submit.out").exists()]
    wait_for("all jobs to be written down", lambda: all(token in state.read_bytes() for token in tokens))
    cluster.site.kill("slurmctld")
    cluster.site.wait_until_ready("slurmctld")


def verdict_of(ended: Ended) -> TaskVerdict:
    (verdict,) = ended.report.verdicts
    return verdict


def failure_of(ended: Ended) -> Failure:
    assert ended.state.is_failed(), ended
    failure = verdict_of(ended).failure
    assert failure is not None
    return failure


def assert_good(ended: Ended, *, restarts: int = 0) -> None:
    """One table of one job's results, imported once, and nothing left on the cluster."""
    assert ended.state.is_completed(), ended.report
    verdict = verdict_of(ended)
    assert (verdict.outcome, verdict.witness, verdict.restarts) == (Outcome.SUCCEEDED, Witness.JOB, restarts)
    assert [result.kind for result in ended.report.results] == [ResultKind.TABLE]


def test_a_job_outlives_slurmctld(ends: dict[str, Ended]) -> None:
    assert_good(ends["survivor"])
    accounting = verdict_of(ends["survivor"]).accounting
    assert accounting is not None and "cpu=2" in accounting.allocated


@pytest.mark.parametrize("name", ["preempted", "on a node that comes back"])
def test_a_job_that_is_queued_again_is_waited_for(ends: dict[str, Ended], name: str) -> None:
    assert_good(ends[name], restarts=1)


def test_a_held_job_goes_on_when_it_is_released(ends: dict[str, Ended]) -> None:
    assert_good(ends["held"])


@pytest.mark.parametrize(
    ("name", "category", "state", "witness"),
    [
        ("lost with its node", FailureCategory.NODE_FAILED, JobState.NODE_FAIL, None),
        ("timed out", FailureCategory.JOB_TIMED_OUT, JobState.TIMEOUT, Witness.JOB),
        ("cancelled", FailureCategory.JOB_CANCELLED, JobState.CANCELLED, Witness.JOB),
        ("dependent", FailureCategory.JOB_STUCK, JobState.PENDING, Witness.SQUEUE),
    ],
)
def test_a_job_that_slurm_ended_says_why(
    ends: dict[str, Ended], name: str, category: FailureCategory, state: JobState, witness: Witness | None
) -> None:
    failure, verdict = failure_of(ends[name]), verdict_of(ends[name])
    assert (failure.category, verdict.state) == (category, state)
    assert verdict.witness in (Witness.SQUEUE, Witness.SACCT) if witness is None else verdict.witness is witness
    assert not ends[name].report.results


def test_a_job_that_is_given_up_is_cancelled(ends: dict[str, Ended], desk: RunDesk) -> None:
    assert "depends on a job that failed" in failure_of(ends["dependent"]).summary
    assert "DependencyNeverSatisfied" in failure_of(ends["dependent"]).detail
    assert not desk.queue(ends["dependent"].run)


def test_a_job_over_its_memory_has_failed_whatever_its_script_says(
    ends: dict[str, Ended], cluster: ToldCluster
) -> None:
    """Where the kernel does not limit memory, Slurm kills it and calls it no more than failed."""
    access = cluster.site.cluster
    assert access is not None
    failure = failure_of(ends["out of memory"])
    if access.unlimited is None:
        assert failure.category is FailureCategory.JOB_OUT_OF_MEMORY
        assert verdict_of(ends["out of memory"]).state is JobState.OUT_OF_MEMORY
    else:
        assert failure.category in (FailureCategory.JOB_FAILED, FailureCategory.JOB_CANCELLED)
    assert not ends["out of memory"].report.results


def test_a_full_disk_is_told_before_anything_is_sent(ends: dict[str, Ended]) -> None:
    ended = ends["disk full while staging"]
    assert ended.state.is_failed() and not ended.report.verdicts
    assert ended.report.failure is not None
    assert ended.report.failure.category is FailureCategory.SCRATCH_FULL


def test_a_job_that_fills_the_disk_says_so(ends: dict[str, Ended]) -> None:
    ended = ends["disk full in the job"]
    assert failure_of(ended).category is FailureCategory.JOB_FAILED
    assert "No space left on device" in verdict_of(ended).log or "is the disk full?" in failure_of(ended).detail


def test_a_job_without_results_has_not_succeeded(ends: dict[str, Ended]) -> None:
    failure = failure_of(ends["no results"])
    assert failure.category is FailureCategory.RESULTS_MISSING
    assert "nothing to see" in verdict_of(ends["no results"]).log


def test_odd_results_are_told_one_by_one_and_the_good_ones_kept(ends: dict[str, Ended], cluster: ToldCluster) -> None:
    ended = ends["odd results"]
    assert ended.state.is_failed()
    assert verdict_of(ended).outcome is Outcome.SUCCEEDED
    kinds = {Path(result.path).name: result.kind for result in ended.report.results}
    assert kinds == {"cells.csv": ResultKind.TABLE, "notes.xyz": ResultKind.ATTACHMENT}
    assert [(item.path, item.failure.category) for item in ended.report.refused] == [
        ("passwd.csv", FailureCategory.RESULT_REFUSED)
    ]
    assert [(Path(item.path).name, item.failure.category) for item in ended.report.failed] == [
        ("half.ome.tif", FailureCategory.BROKEN_FILE)
    ]
    brought = cluster.site.storage / ended.run.group / ".analyzed" / str(ended.run.uuid)
    names = {path.name for path in brought.rglob("*") if path.is_file() and path.suffix != ".json"}
    assert names == {"cells.csv", "notes.xyz", "half.ome.tif"}
    assert not any(path.is_symlink() for path in brought.rglob("*"))


@pytest.mark.parametrize("accounting", [True, False], ids=["slurmdbd down", "no slurmdbd"])
def test_the_verdict_needs_no_slurmdbd(ends: dict[str, Ended], cluster: ToldCluster, accounting: bool) -> None:
    """`ends` is asked for so that the daemon fails after those runs. The controller has Slurm's own word then."""
    cluster.site.hold("slurmdbd", kill=True)
    try:
        if not accounting:
            cluster.deploy(accounting=False)
        both = {"images": list(cluster.desk.images[:2])}
        batch = cluster.place(ONE_OF_TWO, inputs=both, batch_size=1)
        lost = cluster.place(FOR_EVER, where="told-once")
        lost.wait_until_begun()
        node = lost.shown()["NodeList"]
        cluster.admin("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        ended = batch.wait_until_ended()
        assert [verdict.outcome for verdict in ended.report.verdicts] == [Outcome.SUCCEEDED, Outcome.FAILED]
        assert [result.kind for result in ended.report.results] == [ResultKind.TABLE]
        ended = lost.wait_until_ended()
        assert failure_of(ended).category is FailureCategory.NODE_FAILED
        assert verdict_of(ended).state is JobState.NODE_FAIL
    finally:
        cluster.site.release("slurmdbd")
        if not accounting:
            cluster.deploy()


def test_the_nightly_tidying_removes_what_failed_and_nothing_else(ends: dict[str, Ended], cluster: ToldCluster) -> None:
    """With `keep_failed_days` 0 every run that has ended is old enough."""
    scratch = cluster.machine.scratch
    stranger, waiting = scratch / str(uuid.uuid4()), cluster.place(RESULT, where="told-later")
    waiting.job()
    stranger.mkdir()
    shutil.chown(stranger, scratch.stat().st_uid)
    failed = [scratch / str(ends[name].run.uuid) for name in ("timed out", "cancelled", "dependent", "odd results")]
    assert all(folder.is_dir() for folder in failed)
    cluster.deploy(keep_failed_days=0)
    said = cluster.desk.run_deployment("tidy-cluster/tidy-cluster")
    assert said.is_completed() and "removed" in (said.message or ""), said
    assert [folder for folder in failed if folder.exists()] == []
    assert stranger.is_dir() and waiting.folder.is_dir()
    stranger.rmdir()
    waiting.change("StartTime=now")
    assert_good(waiting.wait_until_ended())


def test_a_number_that_slurm_gives_again_is_not_taken_for_the_runs_job(
    ends: dict[str, Ended], cluster: ToldCluster
) -> None:
    """A controller that lost its state counts from 1 again. Of a job that had begun the trap tells the end; of one
    that had not, nobody ever will, and the run says so instead of waiting or of taking another's job for its own.
    """
    begun, waiting = cluster.place(FOR_EVER), cluster.place(RESULT, where="told-later")
    begun.wait_until_begun()
    number = waiting.job()
    cluster.site.hold("slurmctld")
    for file in (cluster.machine.spool / "slurmctld").iterdir():
        file.unlink()
    cluster.site.release("slurmctld")
    words = ["--parsable", "--hold", "--wrap=true", "--output=/dev/null", "--chdir=/tmp", "--mem=10"]
    others: list[int] = []
    while number not in others:
        others.append(int(cluster.admin("sbatch", *words)))
        assert others[-1] <= number
    waiting.wait_for_standing("nobody can tell yet how it ended")
    ended = waiting.wait_until_ended()
    assert failure_of(ended).category is FailureCategory.JOB_UNKNOWN
    ended = begun.wait_until_ended()
    assert failure_of(ended).category is FailureCategory.JOB_CANCELLED
    assert verdict_of(ended).witness is Witness.JOB
    cluster.admin("scancel", *(str(other) for other in others))


def test_a_changed_host_key_ends_the_run_before_anything_is_sent(ends: dict[str, Ended], cluster: ToldCluster) -> None:
    file = cluster.machine.folder / "etc" / "ssh" / "ssh_host_ed25519_key"
    before = file.read_text("ascii")
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    file.write_bytes(key)
    cluster.site.restart("sshd")
    try:
        run = cluster.place(RESULT)
        ended = run.wait_until_ended()
    finally:
        file.write_text(before, "ascii")
        cluster.site.restart("sshd")
    assert ended.state.is_failed() and ended.report.failure is not None
    assert ended.report.failure.category is FailureCategory.HOST_KEY_CHANGED
    assert "nothing was sent" in ended.report.failure.summary
    assert not run.folder.exists()
    doctor = cluster.desk.command("doctor")
    assert "Watcher of the cluster" in doctor.stdout
