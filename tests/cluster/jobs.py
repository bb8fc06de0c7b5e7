"""Jobs of the tests: what is asked for, and waiting for their end by the code that is tested."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from blocks.job_end import JobEnd, examine
from blocks.job_queue import JobNews, ask_about
from blocks.run_folder import prepare
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.staging import InputFile, stage
from blocks.submission import submit
from contracts.job_request import JobRequest, JobResources
from contracts.slurm_job import SubmittedJob

#: For tests of what the sandbox's Slurm and the local job runner have both to do.
ON_BOTH_CLUSTERS = pytest.mark.parametrize("slurm", ["cluster", "local_cluster"], indirect=True)


def request(token: UUID, image: str, *arguments: str, **changes: object) -> JobRequest:
    """A small job. `changes` are fields of the request, or of its resources."""
    resources = {name: changes.pop(name) for name in list(changes) if name in JobResources.model_fields}
    asked = JobResources.model_validate({"minutes": 10, "cpus": 1, "memory_mb": 100} | resources)
    fields = {"token": token, "attempt": 1, "tasks": (0,), "image": image, "arguments": arguments, "resources": asked}
    return JobRequest.model_validate(fields | changes)


def begin(slurm: SlurmCluster, connection: SshConnection, wanted: JobRequest, **inputs: bytes) -> SubmittedJob:
    """Stage a small file for each task, unless named otherwise, and submit."""
    run = prepare(slurm, connection, wanted.token, began=datetime.now(UTC) - timedelta(minutes=1))
    if run.staged is None:
        data = inputs or {f"in/{task}/{task}_a.txt": f"input {task}\n".encode() for task in wanted.tasks}
        stage(slurm, connection, run, [_file(path, content) for path, content in data.items()])
    return submit(slurm, connection, run, wanted)


def _file(path: str, content: bytes) -> InputFile:
    return InputFile(path, len(content), lambda: iter([content]))


def wait_for(
    slurm: SlurmCluster,
    connection: SshConnection,
    job: SubmittedJob,
    so: Callable[[JobNews], bool] = lambda news: news.ended,
    seconds: float = 150.0,
) -> JobNews:
    """Ask about the job until it is so."""
    deadline = time.monotonic() + seconds
    while not so(news := ask_about(slurm, connection, [job])[0]):
        assert time.monotonic() < deadline, news
        time.sleep(0.3)
    return news


def run_to_end(slurm: SlurmCluster, connection: SshConnection, wanted: JobRequest) -> JobEnd:
    job = begin(slurm, connection, wanted)
    wait_for(slurm, connection, job)
    return examine(slurm, connection, job)
