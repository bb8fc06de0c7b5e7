"""Every way in which Slurm ends a job, or does not: through the whole flow, with the right end, message and evidence.

The runs are placed together on one site, and the cluster's daemons, nodes and disks fail among them; then each test
looks at one run's end.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.failures import Failure, FailureCategory
from contracts.run_results import ResultKind
from contracts.slurm_job import Outcome, TaskVerdict, Witness
from contracts.slurm_state import JobState
from tasks.watcher import WATCHER
from tests.chaos.waiting import wait_for
from tests.sandbox.analysis.accidents import fail_job, kill_slurmctld, preempt, small_disks
from tests.sandbox.analysis.conftest import RunDesk
from tests.sandbox.analysis.told_jobs import (
    FOR_EVER,
    RESULT,
    SECOND_START,
    TASK,
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
#: The tasks of one job, each with an end of its own.
TASKS = {
    "survivor": f"{UNTIL_GO}; {RESULT}",
    "timed out": FOR_EVER,
    "cancelled": FOR_EVER,
    "out of memory": f'{RESULT}; head --bytes=300M /dev/zero | tail | wc --bytes > "$OUT/size.csv"',
    "odd results": ODD,
    "no results": "echo nothing to see",
}
EACH_ITS_OWN = f"case {TASK} in {' '.join(f'{n}) {story} ;;' for n, story in enumerate(TASKS.values()))} esac"


@pytest.fixture(scope="module")
def cluster(desk: RunDesk) -> Iterator[ToldCluster]:
    with told_cluster(desk, stuck_minutes=1, unknown_minutes=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ends(cluster: ToldCluster) -> dict[str, Ended]:
    """Runs that live through the same minutes: each one's job is given its fate as soon as Slurm has it."""
    full_staging, full_job = uuid.uuid4(), uuid.uuid4()
    asked = {"mail_to": "alice@example.org", "minutes": 40, "cpus": 1, "memory_mb": 60}
    images = {"images": list(cluster.images[: len(TASKS)])}
    with small_disks(cluster.site, {full_staging: "4k", full_job: "30m"}):
        runs = {
            "lost with its node": cluster.place(FOR_EVER, where="told-once"),
            "on a node that comes back": cluster.place(SECOND_START, where="told-on-third"),
            "preempted": cluster.place(SECOND_START, where="told-on-second", resources={"partition": "low"}),
            "tasks": cluster.place(EACH_ITS_OWN, inputs=images, batch_size=1, resources=asked),
            "held": cluster.place(RESULT, where="told-later"),
            "dependent": cluster.place(RESULT, where="told-later"),
            "disk full in the job": cluster.place('head -c 100M /dev/zero > "$OUT/big.raw"', token=full_job),
            "disk full while staging": cluster.place(RESULT, token=full_staging),
        }
        runs["dependent"].change(f"dependency=afterok:{fail_job(cluster)}")
        cluster.admin("scontrol", "hold", str(runs["held"].job()))
        runs["held"].wait_for_standing("an administrator holds it")
        cluster.admin("scontrol", "release", str(runs["held"].job()))
        runs["held"].hurry()

        _end_tasks(cluster, runs["tasks"])
        preempt(cluster, runs["preempted"])
        runs["preempted"].hurry()
        for name in ("lost with its node", "on a node that comes back"):
            runs[name].wait_until_begun()
        cluster.site.kill("node3")
        cluster.site.wait_until_ready("node3")
        runs["on a node that comes back"].hurry()
        kill_slurmctld(cluster)
        runs["tasks"].go()
        return {name: run.wait_until_ended() for name, run in runs.items()}


def _end_tasks(cluster: ToldCluster, run: ToldRun) -> None:
    """Slurm has what the user asked for; then two of the tasks are ended by it."""
    names = list(TASKS)
    run.wait_until_begun(names.index("survivor"))
    shown = run.shown()
    assert (shown["MailUser"], shown["MailType"]) == ("alice@example.org", "END,FAIL")
    assert (shown["TimeLimit"], shown["NumCPUs"], shown["MinMemoryNode"]) == ("00:40:00", "1", "60M")
    timed_out, cancelled = names.index("timed out"), names.index("cancelled")
    run.wait_until_begun(timed_out)
    cluster.admin("scontrol", "update", f"jobid={run.job()}_{timed_out}", "endtime=now")
    run.wait_until_begun(cancelled)
    cluster.admin("scancel", f"{run.job()}_{cancelled}")


def verdict_of(ends: dict[str, Ended], name: str) -> TaskVerdict:
    """Of a run's only task, or of the task that has the name."""
    verdicts = ends[name if name in ends else "tasks"].report.verdicts
    return verdicts[list(TASKS).index(name) if name in TASKS else 0]


def failure_of(ends: dict[str, Ended], name: str) -> Failure:
    assert ends[name if name in ends else "tasks"].state.is_failed()
    failure = verdict_of(ends, name).failure
    assert failure is not None
    return failure


def results_of(ended: Ended, task: int) -> dict[str, ResultKind]:
    return {Path(item.path).name: item.kind for item in ended.report.results if f"/{task}/" in item.path}


def assert_good(ended: Ended, *, restarts: int = 0) -> None:
    """One table of one job's results, imported once, and nothing left on the cluster."""
    assert ended.state.is_completed(), ended.report.model_dump_json(indent=1)
    (verdict,) = ended.report.verdicts
    assert (verdict.outcome, verdict.witness, verdict.restarts) == (Outcome.SUCCEEDED, Witness.JOB, restarts)
    assert [result.kind for result in ended.report.results] == [ResultKind.TABLE]


def test_a_task_outlives_slurmctld_and_the_ends_of_the_others(ends: dict[str, Ended]) -> None:
    verdict = verdict_of(ends, "survivor")
    assert (verdict.outcome, verdict.witness) == (Outcome.SUCCEEDED, Witness.JOB)
    assert verdict.accounting is not None and "cpu=1" in verdict.accounting.allocated
    assert results_of(ends["tasks"], 0) == {"cells.csv": ResultKind.TABLE}


@pytest.mark.parametrize("name", ["preempted", "on a node that comes back"])
def test_a_job_that_is_queued_again_is_waited_for(ends: dict[str, Ended], name: str) -> None:
    assert_good(ends[name], restarts=1)


def test_a_held_job_goes_on_when_it_is_released(ends: dict[str, Ended]) -> None:
    assert_good(ends["held"])


@pytest.mark.parametrize(
    ("name", "category", "state", "witnesses"),
    [
        ("lost with its node", FailureCategory.NODE_FAILED, JobState.NODE_FAIL, [Witness.SQUEUE, Witness.SACCT]),
        ("timed out", FailureCategory.JOB_TIMED_OUT, JobState.TIMEOUT, [Witness.JOB]),
        ("cancelled", FailureCategory.JOB_CANCELLED, JobState.CANCELLED, [Witness.JOB]),
        ("dependent", FailureCategory.JOB_STUCK, JobState.PENDING, [Witness.SQUEUE]),
    ],
)
def test_a_job_that_slurm_ended_says_why(
    ends: dict[str, Ended], name: str, category: FailureCategory, state: JobState, witnesses: list[Witness]
) -> None:
    failure, verdict = failure_of(ends, name), verdict_of(ends, name)
    assert (failure.category, verdict.state) == (category, state)
    assert verdict.witness in witnesses


def test_a_job_that_is_given_up_is_cancelled(ends: dict[str, Ended], desk: RunDesk) -> None:
    assert "depends on a job that failed" in failure_of(ends, "dependent").summary
    assert "DependencyNeverSatisfied" in failure_of(ends, "dependent").detail
    assert not desk.queue(ends["dependent"].run)


def test_a_task_over_its_memory_has_failed_whatever_its_script_says(
    ends: dict[str, Ended], cluster: ToldCluster
) -> None:
    """Where the kernel does not limit memory, Slurm measures it, kills the task, and calls it no more than failed."""
    access = cluster.site.cluster
    assert access is not None
    failure = failure_of(ends, "out of memory")
    if access.unlimited is None:
        assert failure.category is FailureCategory.JOB_OUT_OF_MEMORY
        assert verdict_of(ends, "out of memory").state is JobState.OUT_OF_MEMORY
    else:
        assert failure.category in (FailureCategory.JOB_FAILED, FailureCategory.JOB_CANCELLED)
    assert results_of(ends["tasks"], list(TASKS).index("out of memory")) == {}


def test_a_full_disk_is_told_before_anything_is_sent(ends: dict[str, Ended]) -> None:
    ended = ends["disk full while staging"]
    assert ended.state.is_failed() and not ended.report.verdicts
    assert ended.report.failure is not None
    assert ended.report.failure.category is FailureCategory.SCRATCH_FULL


def test_a_job_that_fills_the_disk_says_so(ends: dict[str, Ended]) -> None:
    failure, log = failure_of(ends, "disk full in the job"), verdict_of(ends, "disk full in the job").log
    assert failure.category is FailureCategory.JOB_FAILED
    assert "No space left on device" in log or "is the disk full?" in failure.detail


def test_a_task_without_results_has_not_succeeded(ends: dict[str, Ended]) -> None:
    assert failure_of(ends, "no results").category is FailureCategory.RESULTS_MISSING
    assert "nothing to see" in verdict_of(ends, "no results").log


def test_odd_results_are_told_one_by_one_and_the_good_ones_kept(ends: dict[str, Ended], cluster: ToldCluster) -> None:
    ended, task = ends["tasks"], list(TASKS).index("odd results")
    assert verdict_of(ends, "odd results").outcome is Outcome.SUCCEEDED
    assert results_of(ended, task) == {"cells.csv": ResultKind.TABLE, "notes.xyz": ResultKind.ATTACHMENT}
    assert [(item.task, item.path, item.failure.category) for item in ended.report.refused] == [
        (task, "passwd.csv", FailureCategory.RESULT_REFUSED)
    ]
    assert [(Path(item.path).name, item.failure.category) for item in ended.report.failed] == [
        ("half.ome.tif", FailureCategory.BROKEN_FILE)
    ]
    brought = cluster.site.storage / ended.run.group / ".analyzed" / str(ended.run.uuid) / str(task)
    assert {path.name for path in brought.iterdir()} == {"cells.csv", "notes.xyz", "half.ome.tif"}
    assert not any(path.is_symlink() for path in brought.iterdir())


@pytest.mark.parametrize("accounting", [True, False], ids=["slurmdbd down", "no slurmdbd"])
def test_the_verdict_needs_no_slurmdbd(ends: dict[str, Ended], cluster: ToldCluster, accounting: bool) -> None:
    """`ends` is asked for so that the daemon fails after those runs. The controller has Slurm's own word then."""
    cluster.site.hold("slurmdbd", kill=True)
    try:
        if not accounting:
            cluster.deploy(accounting=False)
        run = cluster.place(
            f"[ {TASK} = 0 ] || {{ {FOR_EVER}; }}; {RESULT}",
            where="told-once",
            inputs={"images": list(cluster.images[:2])},
            batch_size=1,
        )
        run.wait_until_begun(1)
        node = run.shown(task=1)["NodeList"]
        wait_for("the good task to end", (run.folder / "attempt-1" / "0.exitcode").exists)
        cluster.admin("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        ended = run.wait_until_ended()
    finally:
        cluster.site.release("slurmdbd")
        if not accounting:
            cluster.deploy()
    good, lost = ended.report.verdicts
    assert (good.outcome, good.witness) == (Outcome.SUCCEEDED, Witness.JOB)
    assert lost.failure is not None and lost.failure.category is FailureCategory.NODE_FAILED
    assert lost.state is JobState.NODE_FAIL
    # The job may still write its end while its node is taken away.
    assert lost.witness in (Witness.JOB, Witness.SQUEUE)
    assert [result.kind for result in ended.report.results] == [ResultKind.TABLE]


def test_the_nightly_tidying_removes_what_failed_and_nothing_else(ends: dict[str, Ended], cluster: ToldCluster) -> None:
    """With `keep_failed_days` 0 every run that has ended is old enough."""
    scratch = cluster.machine.scratch
    stranger, waiting = scratch / str(uuid.uuid4()), cluster.place(RESULT, where="told-later")
    waiting.job()
    stranger.mkdir()
    shutil.chown(stranger, scratch.stat().st_uid)
    failed = [scratch / str(ends[name].run.uuid) for name in ("tasks", "dependent", "lost with its node")]
    assert all(folder.is_dir() for folder in failed)
    cluster.deploy(keep_failed_days=0)
    cluster.desk.start(WATCHER)
    tidied = cluster.desk.start("tidy-cluster/tidy-cluster")
    said = cluster.desk.wait_for_state(tidied, "Completed", "Failed", "Crashed")
    assert said.is_completed() and "removed" in (said.message or ""), said
    assert [folder for folder in failed if folder.exists()] == []
    assert stranger.is_dir() and waiting.folder.is_dir()
    stranger.rmdir()
    waiting.hurry()
    assert_good(waiting.wait_until_ended())


def test_a_changed_host_key_stops_everything_and_harms_no_run_that_waits(
    ends: dict[str, Ended], cluster: ToldCluster
) -> None:
    """A new run fails at once, with nothing sent; one that waits goes on when the key is the pinned one again."""
    waiting = cluster.place(RESULT, where="told-later")
    cluster.desk.wait_for_state(waiting.flow_run, "Suspended")
    file = cluster.machine.folder / "etc" / "ssh" / "ssh_host_ed25519_key"
    pinned = file.read_text("ascii")
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    file.write_bytes(key)
    cluster.site.restart("sshd")
    try:
        refused = cluster.place(RESULT)
        ended = refused.wait_until_ended()
        doctor = wait_for("doctor to say so", lambda: _doctor_of_the_watcher(cluster))
    finally:
        file.write_text(pinned, "ascii")
        cluster.site.restart("sshd")
    assert ended.state.is_failed() and ended.report.failure is not None
    assert ended.report.failure.category is FailureCategory.HOST_KEY_CHANGED
    assert "nothing was sent" in ended.report.failure.summary
    assert not refused.folder.exists()
    assert "another host key than the pinned one" in doctor and "omero-flows cluster check" in doctor
    cluster.desk.start(WATCHER)
    waiting.hurry()
    assert_good(waiting.wait_until_ended())


def _doctor_of_the_watcher(cluster: ToldCluster) -> str:
    """What `omero-flows doctor` says once the watcher has failed; empty before."""
    said = cluster.desk.command("doctor").stdout
    return said if "The last watcher of the cluster failed." in said else ""
