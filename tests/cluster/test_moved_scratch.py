"""A block whose scratch folder was changed while runs wait: their jobs are found where they were made."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from blocks.cancellation import cancel
from blocks.job_end import examine
from blocks.job_log import read_tails
from blocks.job_queue import ask_about
from blocks.results import fetch
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.failures import FailureError
from contracts.slurm_job import Outcome, SubmittedJob
from tests.cluster.jobs import begin, request, wait_for
from tests.cluster.login import Login


@pytest.fixture
def moved(slurm: SlurmCluster, token: UUID) -> SlurmCluster:
    """The cluster after its administrator has named another scratch folder."""
    return slurm.model_copy(update={"scratch": f"{slurm.scratch}/moved-{token}"})


def test_a_job_is_followed_in_the_folder_it_was_made_in(
    slurm: SlurmCluster, moved: SlurmCluster, connection: SshConnection, login: Login, token: UUID, tmp_path: Path
) -> None:
    image = login.install(
        "told", 'echo "progress: 1 of 2"; until [ -e "$GT/../../go" ]; do sleep 0.1; done; cp "$IN"/* "$OUT"/'
    )
    job = begin(slurm, connection, request(token, image))
    assert job.scratch == slurm.scratch
    login.wait_until(f"grep -q progress {login.folder(token)}/attempt-1/0.log")
    assert [row.number for row in ask_about(moved, connection, [job])[0].queued] == [job.number]
    assert "progress: 1 of 2" in read_tails(moved, connection, [(job, 0)])[token, 1, 0]
    login.ask(f"touch {login.folder(token)}/go")
    wait_for(moved, connection, job)
    end = examine(moved, connection, job)
    assert [verdict.outcome for verdict in end.verdicts] == [Outcome.SUCCEEDED]
    assert len(fetch(moved, connection, job, end.results, tmp_path).arrived) == 1
    assert begin(slurm, connection, request(token, image)) == job
    cancel(moved, connection, token, job)
    login.ask(f"[ -e {login.folder(token)}/attempt-1/cancelled ] && [ ! -e {moved.scratch} ]")


def test_a_job_of_before_it_was_remembered_lies_where_the_block_says(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    job = begin(slurm, connection, request(token, login.install("good", 'cp "$IN"/* "$OUT"/')))
    old = SubmittedJob.model_validate_json(job.model_dump_json(exclude={"scratch"}))
    assert old.scratch is None
    wait_for(slurm, connection, old)
    assert [verdict.outcome for verdict in examine(slurm, connection, old).verdicts] == [Outcome.SUCCEEDED]


def test_what_is_remembered_leads_nowhere_else(
    slurm: SlurmCluster, connection: SshConnection, login: Login, token: UUID
) -> None:
    job = begin(slurm, connection, request(token, login.install("good", 'cp "$IN"/* "$OUT"/')))
    wait_for(slurm, connection, job)
    for path in ("scratch", "/a/../etc", "/a b", "/a:/b", "/.ssh", ""):
        with pytest.raises(ValidationError):
            SubmittedJob.model_validate(job.model_dump() | {"scratch": path})
    elsewhere = f"{slurm.scratch}/elsewhere-{token}"
    login.ask(f"mkdir {elsewhere} && ln -s {login.folder(token)} {elsewhere}/{token}")
    linked = job.model_copy(update={"scratch": elsewhere})
    assert read_tails(slurm, connection, [(linked, 0)]) == {}
    with pytest.raises(FailureError) as refused:
        examine(slurm, connection, linked)
    assert "is not a folder of this account" in (refused.value.failure.detail or "")
    login.ask(f"rm -r {elsewhere}")
