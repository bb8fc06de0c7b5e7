"""A night's batch of 10,000 small files, beside a bare loop over the same ManagedRepository calls; and once more.

OMERO_FLOWS_BATCH_FILES makes it smaller.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from omero.gateway import BlitzGateway
from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun

from benchmarks.figure import Figure
from benchmarks.import_order import GROUP, import_bare, write_images
from benchmarks.round_trips import flow_run_processes
from benchmarks.watcher import database
from sandbox.site import Site

FILES = int(os.environ.get("OMERO_FLOWS_BATCH_FILES", "10000"))
#: Of the bare loop, before the batch and after it: OMERO has more in it then, and the machine may have more to do.
BESIDE = 500
#: Of the run's time, until memory is taken as that of the beginning.
WARM = 0.1


@dataclass
class Night:
    """One run of the batch: seconds from the flow's start to its end, and its process's memory meanwhile."""

    checked: float = 0.0
    took: float = 0.0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def memory_at(self, share: float) -> float:
        """MiB when this share of the time had passed."""
        first, last = self.memory[0][0], self.memory[-1][0]
        return next(size for at, size in self.memory if at - first >= share * (last - first))

    @property
    def highest(self) -> float:
        return max(size for _, size in self.memory)


def measure(site: Site) -> list[Figure]:
    names = write_images(site.storage / GROUP, "night", FILES)
    loop = import_bare(site, write_images(site.storage / GROUP, "before", BESIDE))
    before = database_size(site)
    night = run_batch(site, names)
    grown = (database_size(site) - before) / FILES
    check_imported(site)
    loop += import_bare(site, write_images(site.storage / GROUP, "after", BESIDE))
    again = run_batch(site, names)
    check_imported(site)
    rate, bare = FILES / night.took, 2 * BESIDE / loop
    return [
        Figure(f"a batch of {FILES:,} OME-TIFFs, from the flow's start to its end", rate, "files/s",
               f"{rate / bare:.2f} of the bare loop's rate"),
        Figure(f"bare loop over the same ManagedRepository calls, {BESIDE} files before and after", bare, "files/s"),
        Figure("the manifest looked through, and placed", FILES / night.checked, "rows/s"),
        Figure("memory of the batch's process, when a tenth of the time had passed", night.memory_at(WARM), "MiB"),
        Figure("memory of the batch's process, at most", night.highest, "MiB",
               f"{night.highest / night.memory_at(WARM):.2f} x that after a tenth"),
        Figure("growth of Prefect's database for each file", grown, "bytes"),
        Figure("the same batch once more: nothing to import", FILES / again.took, "files/s",
               f"{night.took / again.took:.0f} x the rate of the first time"),
    ]  # fmt: skip


def run_batch(site: Site, names: list[str]) -> Night:
    """`omero-flows batch run`, and its flow run until it ends."""
    manifest = site.storage.parent / "night.csv"
    with manifest.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([["path"], *[[name] for name in names]])
    night, began = Night(), time.monotonic()
    token = start_batch(site, manifest, "--as", "alice", "--dataset", "night")
    night.checked = time.monotonic() - began
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        run = follow(site, client, token, night)
    if run.state is None or not run.state.is_completed() or run.start_time is None or run.end_time is None:
        raise RuntimeError(f"the batch ended otherwise: {run.state}")
    night.took = (run.end_time - run.start_time).total_seconds()
    return night


def start_batch(site: Site, manifest: Path, *options: str) -> uuid.UUID:
    """Place it; the id of its flow run."""
    command = [sys.executable, "-m", "cli.main", "batch", "run", str(manifest), "--group", GROUP, "--detach"]
    said = subprocess.run([*command, *options], env=site.environment(), check=True, stdout=subprocess.PIPE, text=True)
    found = re.search(r"[0-9a-f-]{36}", said.stdout)
    if found is None:
        raise RuntimeError(f"batch run names no flow run: {said.stdout}")
    return uuid.UUID(found[0])


def follow(site: Site, client: SyncPrefectClient, token: uuid.UUID, night: Night) -> FlowRun:
    """Watch the run's process until the run has ended; its state is asked for seldom, not to disturb it."""
    ended = threading.Event()

    def weigh() -> None:
        while not ended.wait(1.0):
            process = flow_run_processes(site).get(str(token))
            if process is not None and process.is_running():
                night.memory.append((time.monotonic(), process.memory_info().rss / 2**20))

    scale = threading.Thread(target=weigh)
    scale.start()
    try:
        while True:
            run = client.read_flow_run(token)
            if run.state is not None and run.state.is_final():
                return run
            time.sleep(3.0)
    finally:
        ended.set()
        scale.join()


def database_size(site: Site) -> int:
    """Bytes of Prefect's database, after its dead rows are marked."""
    with database(site) as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def check_imported(site: Site) -> None:
    with BlitzGateway("alice", site.password("alice"), host=site.omero_tcp, secure=False) as gateway:
        gateway.connect()
        query = "select count(l) from DatasetImageLink l where l.parent.name = :name"
        rows = gateway.getQueryService().projection(query, ParametersI().addString("name", "night"))
    if (made := int(unwrap(rows)[0][0])) != FILES:
        raise RuntimeError(f"the batch made {made} images of {FILES} files")
