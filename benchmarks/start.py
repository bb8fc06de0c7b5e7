"""How long a person waits between Enter and the first task of the order."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime

import httpx

from benchmarks.figure import Figure
from benchmarks.import_order import GROUP, write_images
from sandbox.site import Site

ROUNDS = 5


def measure(site: Site) -> list[Figure]:
    name = write_images(site.storage / GROUP, "bench-start", 1)[0]
    waits, helps = [], []
    for _ in range(ROUNDS):
        waits.append(seconds_to_first_task(site, name))
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "cli.main", "--help"], check=True, stdout=subprocess.DEVNULL,
                       env=site.environment())  # fmt: skip
        helps.append(time.monotonic() - began)
    wait, cheapest = statistics.median(waits), statistics.median(helps)
    return [
        Figure(f"omero-flows import, from Enter to the first task's start, median of {ROUNDS}", wait, "s",
               f"{wait / cheapest:.1f} x omero-flows --help"),
        Figure("omero-flows --help, median", cheapest, "s"),
    ]  # fmt: skip


def seconds_to_first_task(site: Site, name: str) -> float:
    token = str(uuid.uuid4())
    began = datetime.now(UTC)
    command = [sys.executable, "-m", "cli.main", "import", "--as", "alice", "--group", GROUP, "--detach"]
    command += ["--dataset", "bench start", "--uuid", token, str(site.storage / GROUP / name)]
    subprocess.run(command, env=site.environment(), check=True, stdout=subprocess.DEVNULL)
    user, _, password = site.prefect_auth.partition(":")
    with httpx.Client(base_url=site.prefect_api, auth=(user, password), timeout=30) as api:
        body = {"flow_runs": {"tags": {"all_": [token]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 1}
        for _ in range(600):
            tasks = api.post("/task_runs/filter", json=body).json()
            if tasks and tasks[0]["start_time"]:
                return (datetime.fromisoformat(tasks[0]["start_time"]) - began).total_seconds()
            time.sleep(0.1)
    raise RuntimeError("no task of the order started within a minute")
