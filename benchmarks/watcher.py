"""The watcher of a cluster with 10,000 waiting runs in Prefect and as many pending jobs in Slurm, both real.

The runs are one run of Prefect's API and copies of its rows, because the API would take many minutes; the jobs are all
submitted one by one, and held.
"""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psutil
import psycopg
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelling, Suspended

from benchmarks.cluster import bare_ssh, slurm_cluster, wait_until
from benchmarks.figure import Figure
from benchmarks.round_trips import flow_run_processes
from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from contracts.analysis_run import AnalysisInputs, AnalysisRun, Workflow
from contracts.deployment_names import ANALYSIS_RUN
from contracts.slurm_job import SubmittedJob
from contracts.waiting_job import CLUSTER_TAG, WaitingJob, waiting_key
from sandbox.site import Site
from sandbox.site.postgres import DATABASE, USER
from tasks.analysis_work import CLUSTER_BLOCK
from tasks.wait_for_job import JOB_TYPE
from tasks.watcher import WATCHER

TAG = "benchmark"
RUNS = 10_000
MINUTES = 2.0

#: Argument: scratch; tokens come through standard input.
_SUBMIT = RemoteScript(
    "submit held jobs",
    """\
while read -r token; do
    folder=$1/$token/attempt-1
    mkdir -p "$folder"
    echo "$token $(sbatch --parsable --hold --mem=10 --job-name="$token" --chdir="$folder" --output=/dev/null \\
        --wrap=true)"
done
""",
)
_REMOVE = RemoteScript("remove held jobs", 'scancel --user="$(id -un)" --state=PENDING && rm -rf -- "$1"/*-*-*-*-*')

_COPY_RUNS = """\
insert into flow_run
select (jsonb_populate_record(run, jsonb_build_object(
    'id', new.id, 'name', new.token, 'idempotency_key', new.token, 'state_id', null))).*
from flow_run run, new_run new where run.id = %(run)s
"""
_COPY_STATES = """\
insert into flow_run_state
select (jsonb_populate_record(state, jsonb_build_object('id', new.state_id, 'flow_run_id', new.id))).*
from flow_run_state state, new_run new where state.flow_run_id = %(run)s
"""
_COPY_ARTIFACTS = """\
insert into artifact
select (jsonb_populate_record(artifact, jsonb_build_object(
    'id', new.artifact_id, 'key', new.key, 'data', new.data, 'flow_run_id', new.id))).*
from artifact, new_run new where artifact.flow_run_id = %(run)s
"""


def measure(site: Site) -> list[Figure]:
    cluster = slurm_cluster(site)
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        end_watchers(client)
        jobs = submit_held(cluster, RUNS)
        waiting = suspend_runs(site, client, jobs)
        try:
            seen = watch(site, client, waiting)
            squeue = median_seconds([*bare_ssh(site), "squeue --array --states=all --format='%i|%F|%K|%T|%r|%S|%j|%Z'"])
        finally:
            remove_runs(site)
            with cluster.connect() as connection:
                connection.run(_REMOVE, cluster.scratch, silent_seconds=600)
    return [
        Figure(
            f"longest of {seen.cycles - 1} cycles with {RUNS:,} waiting runs and as many pending jobs",
            seen.longest,
            "s",
            f"goal: below 2 s; {seen.longest / squeue:.1f} x a bare squeue over ssh",
        ),
        Figure("the first cycle, in which it lists all runs", seen.first, "s", f"{seen.first / squeue:.1f} x"),
        Figure("processor time of the watcher, its start included", seen.cpu / MINUTES, "s a minute"),
        Figure("memory of the watcher, at most", seen.memory, "MiB"),
        Figure("processes of the waiting runs", seen.others, "processes", "goal: 0"),
    ]


# ---- jobs and runs


def submit_held(cluster: SlurmCluster, number: int) -> list[SubmittedJob]:
    """Held jobs with the names and folders of runs' jobs."""
    tokens = [uuid.uuid4() for _ in range(number)]
    with cluster.connect() as connection:
        said = connection.run(_SUBMIT, cluster.scratch, stdin="".join(f"{token}\n" for token in tokens).encode())
    now = datetime.now(UTC)
    pairs = [line.split(" ") for line in said.text.splitlines() if line]
    return [
        SubmittedJob(token=UUID(token), attempt=1, number=int(job), tasks=(0,), submitted=now) for token, job in pairs
    ]


def suspend_runs(site: Site, client: SyncPrefectClient, jobs: Sequence[SubmittedJob]) -> set[str]:
    """A run of the analysis for each job, suspended, with its job's artifact; the runs' ids."""
    made = set()
    order = AnalysisRun(uuid=uuid.uuid4(), user="alice", group="lab-a", workflow=Workflow(name="nuclei"),
                        inputs=AnalysisInputs(images=(1,)), parameters={"diameter": 20})  # fmt: skip
    deployment = client.read_deployment_by_name(ANALYSIS_RUN)
    run = client.create_flow_run_from_deployment(
        deployment.id,
        name=order.title,
        parameters={"run": order.model_dump(mode="json")},
        state=Suspended(timeout_seconds=86_400),
        tags=[TAG, CLUSTER_TAG + CLUSTER_BLOCK],
    )
    first = {"type": JOB_TYPE, "key": waiting_key(order.uuid), "data": WaitingJob(job=jobs[0]).model_dump(mode="json")}
    client.request("POST", "/artifacts/", json={**first, "flow_run_id": str(run.id)})
    with database(site) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create temporary table new_run"
            " (id uuid, state_id uuid, artifact_id uuid, token text, key text, data jsonb)"
        )
        with cursor.copy("copy new_run from stdin") as copy:
            for job in jobs:
                token = str(job.token)
                ids = [str(uuid.uuid4()) for _ in range(3)]
                made.add(ids[0])
                copy.write_row((*ids, token, waiting_key(job.token), WaitingJob(job=job).model_dump_json()))
        for statement in (_COPY_RUNS, _COPY_STATES, _COPY_ARTIFACTS):
            cursor.execute(statement, {"run": run.id})
        cursor.execute("update flow_run set state_id = new_run.state_id from new_run where flow_run.id = new_run.id")
        cursor.execute("delete from flow_run where id = %s", (run.id,))
        cursor.execute("analyze")
    return made


def remove_runs(site: Site) -> None:
    with database(site) as connection, connection.cursor() as cursor:
        mine = "(select id from flow_run where tags @> %s)"
        cursor.execute(f"delete from artifact where flow_run_id in {mine}", (json.dumps([TAG]),))
        cursor.execute(f"delete from flow_run where id in {mine}", (json.dumps([TAG]),))


def database(site: Site) -> psycopg.Connection:
    """Prefect's own, which has to be PostgreSQL."""
    addresses = site.addresses
    return psycopg.connect(host="127.0.0.1", port=addresses.ports["postgres"], user=USER, dbname=DATABASE,
                           password=addresses.database_password)  # fmt: skip


# ---- the watcher


@dataclass(frozen=True)
class Watch:
    """What one watcher took: seconds of its cycles and of the processor, MiB, and processes of waiting runs."""

    cycles: int
    first: float
    longest: float
    cpu: float
    memory: float
    others: int


def watch(site: Site, client: SyncPrefectClient, waiting: set[str]) -> Watch:
    """Let a watcher watch, and watch it."""
    deployment = client.read_deployment_by_name(WATCHER)
    run = client.create_flow_run_from_deployment(deployment.id, parameters={"minutes": MINUTES})
    cpu, memory, others = 0.0, 0, 0
    while not (state := read_state(client, run)).is_final():
        processes = flow_run_processes(site)
        mine = processes.get(str(run.id))
        others = max(others, len(processes.keys() & waiting))
        with contextlib.suppress(psutil.NoSuchProcess):
            if mine is not None:
                cpu, memory = sum(mine.cpu_times()[:2]), max(memory, mine.memory_info().rss)
        time.sleep(0.5)
    said = re.search(r"asked (\d+) times .* took ([\d.]+) s, .* ([\d.]+) s", state.message or "")
    if said is None:
        raise RuntimeError(f"the watcher ended otherwise: {state}")
    return Watch(int(said[1]), float(said[2]), float(said[3]), cpu, memory / 2**20, others)


def end_watchers(client: SyncPrefectClient) -> None:
    """End those that the schedule began; no other begins beside one that runs."""
    for run in read_watchers(client):
        client.set_flow_run_state(run.id, Cancelling(), force=True)
    wait_until(lambda: not read_watchers(client))


def read_watchers(client: SyncPrefectClient) -> list[FlowRun]:
    """Watchers that run, or are about to."""
    deployment = client.read_deployment_by_name(WATCHER)
    states = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=states)),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        sort=FlowRunSort.ID_DESC,
        limit=20,
    )


def read_state(client: SyncPrefectClient, run: FlowRun) -> State[object]:
    state = client.read_flow_run(run.id).state
    assert state is not None
    return state


def median_seconds(command: Sequence[str]) -> float:
    took = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - began)
    return statistics.median(took)
