"""The site in numbers, as Prometheus reads them: real runs are in them, and nobody's name."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect.client.orchestration import get_client
from prometheus_client.parser import text_string_to_metric_families

from contracts.deployment_names import BIOMERO_RUN
from sandbox.site import Site
from tasks.cycle_times import publish_cycles
from tasks.watcher import WATCHER
from tests.chaos.waiting import wait_for
from tests.sandbox.import_order.conftest import Orders, orders, prefect_of_the_site

__all__ = ["orders", "prefect_of_the_site"]
PROJECT = Path(__file__).parents[3]

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(port: int) -> Samples:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=120, trust_env=False)
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def exporter(site: Site, tmp_path: Path) -> Iterator[int]:
    yield from _serve(site.home.settings_file, tmp_path)


def _serve(settings: Path, folder: Path, *options: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "OMERO_"))}
    with (folder / "metrics.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "metrics", "--port", str(port), "--settings", str(settings), *options],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(PROJECT)},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for("the metrics to be served", lambda: _listens(port), explain=lambda: _said(folder))
            yield port
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _said(folder: Path) -> str:
    return (folder / "metrics.log").read_text("utf-8")


async def test_a_sites_runs_are_in_its_numbers(exporter: int, orders: Orders) -> None:
    before = read(exporter)
    order = orders.order(orders.write_tiff("good.tif"), orders.named("missing.tif"))
    await orders.run(order)
    await publish_cycles(WATCHER, [0.5, 1.5])
    async with get_client() as client:
        flow = await client.create_flow_from_name(BIOMERO_RUN)
        state = {"type": "FAILED", "name": "Failed"}
        body = {"flow_id": str(flow), "tags": ["omero-flows", "migrated", "kind:import"], "state": state}
        await client.request("POST", "/flow_runs/", json=body | {"idempotency_key": str(uuid.uuid4())})
    after = read(exporter)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0)

    assert after["omero_flows_prefect_up", ()] == 1
    assert grown("omero_flows_runs", kind="import-order", state="failed") == 1
    assert grown("omero_flows_failures", category="file-not-found") == 1
    assert grown("omero_flows_bytes", direction="in") == (orders.folder / "good.tif").stat().st_size
    assert after["omero_flows_watcher_cycle_seconds", (("watcher", "watch-cluster"),)] == 1.0
    assert after["omero_flows_watcher_longest_cycle_seconds", (("watcher", "watch-cluster"),)] == 1.5
    pools = [("omero_flows_workers", (("pool", pool),)) for pool in ("imports", "analyses", "housekeeping")]
    wait_for("every worker to tell of itself", lambda: all(read(exporter)[pool] >= 1 for pool in pools), seconds=120)
    names = {value for _, labels in after for label, value in labels}
    assert not {"alice", "bob", "lab-a", "root"} & names


async def test_users_are_named_when_asked_and_an_absent_prefect_is_told(site: Site, tmp_path: Path) -> None:
    user = f"user-{uuid.uuid4().hex[:8]}"
    async with get_client() as client:
        flow = await client.create_flow_from_name("import-order")
        body = {"flow_id": str(flow), "tags": ["omero-flows", "kind:import", f"user:{user}"]}
        state = {"type": "COMPLETED", "name": "Completed"}
        await client.request("POST", "/flow_runs/", json=body | {"state": state})
    for port in _serve(site.home.settings_file, tmp_path, "--users"):
        assert read(port)["omero_flows_user_runs", (("kind", "import-order"), ("user", user))] == 1
    away = site.home.settings_file.read_text("utf-8").replace(site.prefect_api, "http://127.0.0.1:1/api")
    (tmp_path / "away.toml").write_text(away, "utf-8")
    for port in _serve(tmp_path / "away.toml", tmp_path):
        assert read(port) == {("omero_flows_prefect_up", ()): 0.0}
