"""A worker that logs JSON: each of its lines is an object, and what is of a run has the run's token."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from flows.check_site import check_site
from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.import_order.conftest import prefect_of_the_site

__all__ = ["prefect_of_the_site"]
PROJECT = Path(__file__).parents[3]


async def test_every_line_of_a_run_has_its_token(site: Site, tmp_path: Path) -> None:
    token, name = str(uuid.uuid4()), f"json-{uuid.uuid4().hex[:8]}"
    log = tmp_path / "worker.log"
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        flow = await client.create_flow(check_site)
        deployment = await client.create_deployment(
            flow_id=flow, name=name, entrypoint="flows.check_site.check_site", work_pool_name=name, pull_steps=[]
        )
        run = await client.create_flow_run_from_deployment(deployment, tags=[token])
        worker = _start(name, site.home.settings_file, log)
        try:
            await asyncio.to_thread(
                wait_for, "the run to end", lambda: "Finished in state" in log.read_text(), explain=log.read_text
            )
        finally:
            worker.terminate()
            await asyncio.to_thread(worker.wait, 60)
            await client.delete_deployment(deployment)
            await client.delete_work_pool(name)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    ours = [line for line in lines if line.get("flow_run_id") == str(run.id)]
    assert any("submitting flow run" in line["message"] for line in ours)
    assert any(line["message"].startswith("Finished in state") for line in ours)
    assert {line.get("token") for line in ours} == {token}


def _start(pool: str, settings: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "OMERO_"))}
    with log.open("wb") as written:
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", "worker", "--pool", pool, "--json-logs", "--settings", str(settings)],
            cwd=PROJECT,
            env=environment | {"PYTHONPATH": str(PROJECT), "HOME": str(log.parent)},
            stdout=subprocess.DEVNULL,
            stderr=written,
        )
