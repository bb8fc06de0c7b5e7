"""A site in numbers, asked of Prefect at the moment somebody wants them; nothing is remembered between two times.

Runs that BIOMERO did, whose history was taken over, are not counted: they are of another flow. Limit: what runs moved
and how they failed is read of at most `MOST_READ` runs of the span; `omero_flows_span_is_cut` is 1 when there are more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import WorkerFilter
from prefect.exceptions import ObjectNotFound
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from contracts.cycle_times import CycleTimes, cycle_times_key
from contracts.deployment_names import BIOMERO_BRIDGE, ORDERED_DEPLOYMENTS, flow_of
from contracts.run_tags import find_user
from contracts.storage_use import STORAGE_USE, StorageUse
from tasks.artifact_pages import PAGE
from tasks.latest_artifact import as_text, read_latest
from tasks.watcher import WATCHER, read_latest_watcher

MOST_READ = 2000
#: Flows whose runs are counted; their names are the kinds.
_KINDS = [flow_of(deployment) for deployment in ORDERED_DEPLOYMENTS]
_STATES = {
    "waiting": ("SCHEDULED", "PENDING", "PAUSED"),
    "running": ("RUNNING", "CANCELLING"),
    "completed": ("COMPLETED",),
    "failed": ("FAILED",),
    "cancelled": ("CANCELLED",),
    "crashed": ("CRASHED",),
}
_POOLS = ("imports", "analyses", "housekeeping")
_WORKER_IS_ALIVE = timedelta(minutes=2)


async def read_metrics(client: PrefectClient, span: timedelta, *, users: bool) -> list[Metric]:
    """
    Args:
        span: how far back bytes, failures, queue times and users are summed.
        users: whether users are named.

    Raises:
        httpx.TransportError, PrefectHTTPStatusError: Prefect does not answer as it should.
    """
    since = datetime.now(UTC) - span
    return [
        *await _runs(client, since),
        *await _moved(client, since),
        *await _watchers(client),
        await _workers(client),
        *(await _users(client, since) if users else []),
    ]


async def _post(client: PrefectClient, path: str, body: dict[str, Any]) -> Any:
    return (await client.request("POST", path, json=body)).json()  # type: ignore[arg-type]


def _of(flow: str, **wanted: Any) -> dict[str, Any]:
    return {"flows": {"name": {"any_": [flow]}}, "flow_runs": wanted}


async def _runs(client: PrefectClient, since: datetime) -> list[Metric]:
    runs = GaugeMetricFamily("omero_flows_runs", "Runs in Prefect's history by state.", labels=["kind", "state"])
    oldest = GaugeMetricFamily(
        "omero_flows_oldest_waiting_seconds", "How long the run that waits longest for a worker has waited.",
        labels=["kind"],
    )  # fmt: skip
    queue = GaugeMetricFamily(
        "omero_flows_queue_seconds", "Mean of the time that runs of the span waited for a worker.", labels=["kind"]
    )
    now = datetime.now(UTC)
    for kind in _KINDS:
        for state, types in _STATES.items():
            counted = await _post(client, "/flow_runs/count", _of(kind, state={"type": {"any_": list(types)}}))
            runs.add_metric([kind, state], counted)
        waiting = _of(
            kind, state={"type": {"any_": ["SCHEDULED"]}}, expected_start_time={"before_": now.isoformat()}
        ) | {"sort": "EXPECTED_START_TIME_ASC", "limit": 1}  # fmt: skip
        first = await _post(client, "/flow_runs/filter", waiting)
        begun = datetime.fromisoformat(first[0]["expected_start_time"]) if first else now
        oldest.add_metric([kind], max(0.0, (now - begun).total_seconds()))
        lateness = await _post(
            client, "/flow_runs/lateness", _of(kind, expected_start_time={"after_": since.isoformat()})
        )
        if lateness is not None:
            queue.add_metric([kind], float(lateness))
    return [runs, oldest, queue]


async def _moved(client: PrefectClient, since: datetime) -> list[Metric]:
    moved = GaugeMetricFamily(
        "omero_flows_bytes", "Bytes that runs of the span took in, and sent out to the cluster.", labels=["direction"]
    )
    failures = GaugeMetricFamily(
        "omero_flows_failures", "Files, tasks and results of runs of the span that failed.", labels=["category"]
    )
    cut = GaugeMetricFamily("omero_flows_span_is_cut", "1: the span has more runs than were read.")
    uses: list[StorageUse] = []
    wanted = {
        "artifacts": {"type": {"any_": [STORAGE_USE]}},
        "flow_runs": {"expected_start_time": {"after_": since.isoformat()}},
        "sort": "ID_DESC",
        "limit": PAGE,
    }
    more = True
    while more and len(uses) < MOST_READ:
        page = await _post(client, "/artifacts/latest/filter", wanted | {"offset": len(uses)})
        uses += [StorageUse.model_validate_json(as_text(artifact["data"])) for artifact in page]
        more = len(page) == PAGE
    moved.add_metric(["in"], sum(use.taken_in for use in uses))
    moved.add_metric(["out"], sum(use.sent_out for use in uses))
    counted: Counter[str] = Counter()
    for use in uses:
        counted.update(use.failures)
    for category, count in sorted(counted.items()):
        failures.add_metric([category], count)
    cut.add_metric([], float(more))
    return [moved, failures, cut]


async def _watchers(client: PrefectClient) -> list[Metric]:
    seen = GaugeMetricFamily(
        "omero_flows_watcher_seen_timestamp_seconds", "When a watcher was last at work.", labels=["watcher"]
    )
    mean = GaugeMetricFamily(
        "omero_flows_watcher_cycle_seconds", "Mean time of a cycle, of the watcher that ended last.", labels=["watcher"]
    )
    longest = GaugeMetricFamily("omero_flows_watcher_longest_cycle_seconds", "Its longest cycle.", labels=["watcher"])
    for deployment in (WATCHER, BIOMERO_BRIDGE):
        name = deployment.partition("/")[2]
        try:
            latest = await read_latest_watcher(client, deployment)
        except ObjectNotFound:
            continue
        if latest is not None and latest.state is not None:
            at = datetime.now(UTC) if latest.state.is_running() else latest.end_time or latest.state.timestamp
            seen.add_metric([name], at.timestamp())
        said = await read_latest(client, cycle_times_key(deployment))
        if said is not None:
            times = CycleTimes.model_validate(json.loads(said))
            mean.add_metric([name], times.mean)
            longest.add_metric([name], times.longest)
    return [seen, mean, longest]


async def _workers(client: PrefectClient) -> Metric:
    alive = GaugeMetricFamily("omero_flows_workers", "Workers that are alive, by work pool.", labels=["pool"])
    for pool in _POOLS:
        try:
            workers = await client.read_workers_for_work_pool(pool, WorkerFilter(), offset=0, limit=PAGE)
        except ObjectNotFound:
            continue
        beats = [worker.last_heartbeat_time for worker in workers]
        alive.add_metric(
            [pool], sum(beat is not None and datetime.now(UTC) - beat < _WORKER_IS_ALIVE for beat in beats)
        )
    return alive


async def _users(client: PrefectClient, since: datetime) -> list[Metric]:
    runs = GaugeMetricFamily("omero_flows_user_runs", "Runs of the span by user.", labels=["user", "kind"])
    for kind in _KINDS:
        counted: Counter[str] = Counter()
        async for tags in _tags(client, kind, since):
            counted.update([user] if (user := find_user(tags)) is not None else [])
        for user, count in sorted(counted.items()):
            runs.add_metric([user, kind], count)
    return [runs]


async def _tags(client: PrefectClient, flow: str, since: datetime) -> Any:
    offset = 0
    while offset < MOST_READ:
        wanted = _of(flow, expected_start_time={"after_": since.isoformat()})
        page = await _post(client, "/flow_runs/filter", wanted | {"sort": "ID_DESC", "limit": PAGE, "offset": offset})
        for run in page:
            yield run["tags"]
        if len(page) < PAGE:
            return
        offset += len(page)


def is_up(up: bool) -> Iterator[Metric]:
    """Whether Prefect answered; without that there are no other numbers."""
    answered = GaugeMetricFamily("omero_flows_prefect_up", "1: Prefect answered.")
    answered.add_metric([], float(up))
    yield answered
