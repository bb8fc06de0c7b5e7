"""Exactly one job, whatever becomes of the connection, of sbatch and of its reply."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

import pytest

from blocks.cancellation import cancel
from blocks.job_end import examine
from blocks.run_folder import prepare
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.submission import DOUBT_SECONDS, submit
from contracts.failures import FailureCategory, FailureError
from contracts.slurm_job import Outcome, SubmittedJob
from tests.cluster.jobs import ON_BOTH_CLUSTERS, begin, request, wait_for
from tests.cluster.login import Login

#: What stands for sbatch in a folder that comes first in PATH. $real is Slurm's own.
FIND_REAL = '#!/bin/sh\nPATH=${PATH#*:}\nreal=$(command -v sbatch)\necho called >> "${0%/*}/calls"\n'
#: Ends this session's sshd, which is the parent of our script's parent.
CUT = """\
up() { ps -o ppid= -p "$1" | tr -d ' '; }
pid=$$; while [ "$(ps -o comm= -p "$pid")" != sshd ]; do pid=$(up "$pid"); done
kill -9 "$pid"
"""


def with_sbatch(slurm: SlurmCluster, login: Login, token: UUID, script: str) -> SlurmCluster:
    """The cluster with another sbatch in the place of Slurm's."""
    folder = f"{slurm.scratch}/bin-{token}"
    login.install_program(folder, "sbatch", FIND_REAL + script)
    return slurm.model_copy(update={"slurm_folder": folder})


def calls(slurm: SlurmCluster, login: Login, token: UUID) -> int:
    return int(login.ask(f"grep -c called {slurm.scratch}/bin-{token}/calls || true"))


@pytest.fixture
def image(login: Login) -> str:
    return login.install("good", 'cp "$IN"/* "$OUT"/')


def check_one_good_job(slurm: SlurmCluster, login: Login, job: SubmittedJob) -> None:
    assert login.jobs(job.token) == [str(job.number)]
    wait_for(slurm, login.connection, job)
    (verdict,) = examine(slurm, login.connection, job).verdicts
    assert verdict.outcome is Outcome.SUCCEEDED, verdict
    login.ask(f"rm -rf {slurm.scratch}/bin-{job.token}")


@ON_BOTH_CLUSTERS
def test_a_second_submission_adopts_the_first(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, image: str
) -> None:
    wanted = request(token, image, options={"hold": ""})
    first = begin(slurm, connection, wanted)
    second = begin(slurm, connection, wanted)
    assert second == first
    login.ask(f"scontrol release {first.number}")
    wait_for(slurm, connection, first)
    assert begin(slurm, connection, wanted) == first, "also when it has ended"
    check_one_good_job(slurm, login, first)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param('out=$("$real" "$@"); ' + CUT + 'sleep 1; echo "$out"', id="after Slurm took it, sbatch goes on"),
        pytest.param('"$real" "$@" > /dev/null; ' + CUT + "kill -9 $$", id="after Slurm took it, sbatch dies"),
        pytest.param('up=$(ps -o ppid= -p "$PPID"); "$real" "$@"; kill -9 $up "$PPID"', id="the script dies"),
    ],
)
def test_a_job_whose_reply_was_cut_off_is_found(
    slurm: SlurmCluster, login: Login, token: UUID, image: str, script: str
) -> None:
    wanted = request(token, image)
    broken = with_sbatch(slurm, login, token, script)
    with pytest.raises(FailureError) as caught, broken.connect() as connection:
        begin(broken, connection, wanted)
    assert caught.value.failure.retryable
    login.wait_until(f'[ -n "$(squeue --noheader --states=all --name={token})" ]')
    with broken.connect() as connection:
        job = begin(broken, connection, wanted)
    assert calls(slurm, login, token) == 1
    check_one_good_job(slurm, login, job)


@ON_BOTH_CLUSTERS
def test_a_reply_that_timed_out_is_looked_up(slurm: SlurmCluster, login: Login, token: UUID, image: str) -> None:
    said = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    broken = with_sbatch(slurm, login, token, f'"$real" "$@" > /dev/null; echo "{said}" >&2; exit 1')
    wanted = request(token, image)
    with broken.connect() as connection:
        with pytest.raises(FailureError) as caught:
            begin(broken, connection, wanted)
        assert caught.value.failure.category is FailureCategory.SUBMISSION_IN_DOUBT
        login.wait_until(f'[ -n "$(squeue --noheader --states=all --name={token})" ]')
        job = begin(broken, connection, wanted)
    assert calls(slurm, login, token) == 1
    check_one_good_job(slurm, login, job)


def test_a_doubt_is_outwaited_before_anything_is_submitted_again(
    slurm: SlurmCluster, login: Login, token: UUID, image: str
) -> None:
    """The request never reached Slurm, but nobody can know: only an intent that is old enough allows a second one."""
    broken = with_sbatch(slurm, login, token, CUT + "kill -9 $$")
    wanted = request(token, image)
    with pytest.raises(FailureError), broken.connect() as connection:
        begin(broken, connection, wanted)
    with slurm.connect() as connection:
        with pytest.raises(FailureError) as caught:
            begin(slurm, connection, wanted)
        assert caught.value.failure.category is FailureCategory.SUBMISSION_IN_DOUBT
        assert login.jobs(token) == []
        age(login, token, DOUBT_SECONDS + 1)
        job = begin(slurm, connection, wanted)
    assert calls(slurm, login, token) == 1
    check_one_good_job(slurm, login, job)


def age(login: Login, token: UUID, seconds: int) -> None:
    """Let the intent be older than it is."""
    login.ask(
        f"cd {login.folder(token)}/attempt-1 && echo $(($(cat submit.intent) - {seconds})) > i && mv i submit.intent"
    )


@ON_BOTH_CLUSTERS
def test_a_refusal_is_certain_and_what_was_asked_for_can_be_corrected(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, image: str
) -> None:
    with pytest.raises(FailureError) as caught:
        begin(slurm, connection, request(token, image, partition="no-such"))
    assert caught.value.failure.category is FailureCategory.JOB_REFUSED
    assert "partition" in caught.value.failure.detail
    check_one_good_job(slurm, login, begin(slurm, connection, request(token, image)))


def test_a_controller_that_does_not_answer_leaves_no_doubt(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, image: str
) -> None:
    said = "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"
    broken = with_sbatch(slurm, login, token, f'echo "{said}" >&2; exit 1')
    with pytest.raises(FailureError) as caught, broken.connect() as another:
        begin(broken, another, request(token, image))
    assert caught.value.failure.category is FailureCategory.SCHEDULER_UNAVAILABLE
    check_one_good_job(slurm, login, begin(slurm, connection, request(token, image)))


def test_a_wrapped_sbatch_may_print_more(slurm: SlurmCluster, login: Login, token: UUID, image: str) -> None:
    script = 'echo "Welcome, your budget is 42"; "$real" "$@"; echo "Have a nice day" >&2'
    wrapped = with_sbatch(slurm, login, token, script)
    with wrapped.connect() as connection:
        check_one_good_job(slurm, login, begin(wrapped, connection, request(token, image)))


def test_an_sbatch_that_prints_no_number_is_looked_up(
    slurm: SlurmCluster, login: Login, token: UUID, image: str
) -> None:
    silent = with_sbatch(slurm, login, token, '"$real" "$@" > /dev/null')
    with silent.connect() as connection:
        with pytest.raises(FailureError) as caught:
            begin(silent, connection, request(token, image))
        assert caught.value.failure.category is FailureCategory.SUBMISSION_IN_DOUBT
        check_one_good_job(slurm, login, begin(silent, connection, request(token, image)))


@ON_BOTH_CLUSTERS
def test_of_two_who_submit_at_once_one_does(
    slurm: SlurmCluster, login: Login, token: UUID, image: str, began: datetime
) -> None:
    wanted = request(token, image, options={"hold": ""})
    begin(slurm, login.connection, request(token, image, attempt=2, options={"hold": ""}))
    login.ask(f"scancel --name={token}")
    with slurm.connect() as connection:
        run = prepare(slurm, connection, token, began=began)

    def try_to_submit(_: int) -> SubmittedJob | FailureCategory:
        with slurm.connect() as connection:
            try:
                return submit(slurm, connection, run, wanted)
            except FailureError as error:
                return error.failure.category

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(try_to_submit, range(4)))
    assert len([one for one in outcomes if isinstance(one, SubmittedJob)]) == 1, outcomes
    assert {one for one in outcomes if isinstance(one, FailureCategory)} == {FailureCategory.SUBMISSION_IN_DOUBT}
    assert login.ask(f"squeue --noheader --name={token} --format=%i").count("\n") == 0


@ON_BOTH_CLUSTERS
def test_a_cancelled_run_submits_nothing_any_more(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID, image: str, began: datetime
) -> None:
    job = begin(slurm, connection, request(token, image, options={"hold": ""}))
    cancel(slurm, connection, token, job)
    wait_for(slurm, connection, job)
    login.ask(f"cd {login.folder(token)}/attempt-1 && rm -f submit.* job.id")
    run = prepare(slurm, connection, token, began=began).model_copy(update={"queued": (), "accounted": ()})
    assert run.attempt is not None and run.attempt.cancelled
    with pytest.raises(FailureError) as caught:
        submit(slurm, connection, run, request(token, image))
    assert caught.value.failure.category is FailureCategory.CANCELLED


@ON_BOTH_CLUSTERS
def test_a_cancellation_while_sbatch_is_at_work_ends_the_job(slurm: SlurmCluster, login: Login, token: UUID) -> None:
    """sbatch has been called when somebody cancels; the job that it makes a moment later is cancelled by itself."""
    image = login.install("long", "sleep 600")
    slow = with_sbatch(slurm, login, token, 'until [ -e cancelled ]; do sleep 0.1; done; sleep 1; exec "$real" "$@"')
    with ThreadPoolExecutor(1) as pool, slow.connect() as connection:
        submission = pool.submit(begin, slow, connection, request(token, image))
        login.wait_until(f"[ -e {login.folder(token)}/attempt-1/submit.intent ]")
        assert cancel(slurm, login.connection, token) == []
        job = submission.result()
    wait_for(slurm, login.connection, job)
    (verdict,) = examine(slurm, login.connection, job).verdicts
    assert verdict.failure is not None and verdict.failure.category is FailureCategory.JOB_CANCELLED
    login.ask(f"rm -rf {slurm.scratch}/bin-{token}")


@ON_BOTH_CLUSTERS
def test_cancelling_a_run_without_a_job_is_no_failure(
    slurm: SlurmCluster, connection: SshConnection, token: UUID
) -> None:
    assert cancel(slurm, connection, token) == []
