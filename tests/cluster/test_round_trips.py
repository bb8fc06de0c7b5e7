"""Few round trips: a run's logins and commands, and the watcher's questions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

from blocks.job_end import examine
from blocks.job_queue import MOST_IDS, ask_about
from blocks.results import fetch
from blocks.run_folder import prepare, tidy
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.staging import InputFile, stage
from blocks.submission import submit
from contracts.slurm_job import Outcome, SubmittedJob
from tests.cluster.jobs import request, wait_for
from tests.cluster.login import Login


def test_a_whole_run_takes_two_logins_and_at_most_8_commands(
    slurm: SlurmCluster, login: Login, token: UUID, began: datetime, tmp_path: Path
) -> None:
    image = login.install("good", 'cp "$IN"/* "$OUT"/')
    with slurm.connect() as before:
        run = prepare(slurm, before, token, began=began)
        stage(slurm, before, run, [InputFile("in/0/1_a.tif", 6, lambda: iter([b"pixels"]))])
        job = submit(slurm, before, run, request(token, image))
    wait_for(slurm, login.connection, job)
    with slurm.connect() as after:
        end = examine(slurm, after, job)
        fetched = fetch(slurm, after, job, end.results, tmp_path)
        tidy(slurm, after, token)
    assert [verdict.outcome for verdict in end.verdicts] == [Outcome.SUCCEEDED]
    assert len(fetched.arrived) == 1 and (tmp_path / "0" / "1_a.tif").read_bytes() == b"pixels"
    assert before.commands + after.commands == 6


def test_many_jobs_are_asked_about_at_once(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    """One command while all wait; one more once some have left. Jobs of others with our numbers are not ours."""
    folder = f"{login.folder(token)}/attempt-1"
    numbers = login.ask(
        f"mkdir -p {folder} && cd {folder} && for n in 1 2 3; do"
        f" sbatch --parsable --hold --mem=10 --job-name={token} --output=/dev/null --wrap=true; done"
    ).split()
    now = datetime.fromisoformat(login.ask("date --iso-8601=seconds"))
    ours = [SubmittedJob(token=token, attempt=1, number=int(n), tasks=(0,), submitted=now) for n in numbers]
    theirs = [one.model_copy(update={"token": uuid4()}) for one in ours[:1]]
    unknown = [
        one.model_copy(update={"number": 90_000_000 + number}) for one in theirs for number in range(MOST_IDS + 1)
    ]
    news = ask_about(slurm, connection, ours)
    assert connection.commands == 1 and not any(one.ended for one in news)
    assert ask_about(slurm, connection, ours[:1])[0].queued[0].number == int(numbers[0])
    assert ask_about(slurm, connection, unknown[:1])[0].ended, "one number that Slurm does not know is no failure"
    before = connection.commands
    news = ask_about(slurm, connection, [*theirs, *unknown[:5]])
    assert connection.commands == before + 2
    assert all(one.ended and not one.queued and not one.accounted for one in news)
    assert not any(one.ended for one in ask_about(slurm, connection, [*ours, *unknown])[:3]), "asked by account"
    login.ask(f"scancel {' '.join(numbers)}")
    login.wait_until(f'[ -z "$(squeue --noheader --name={token})" ]')
    assert [one.ended for one in ask_about(slurm, connection, ours)] == [True] * 3
