"""The ground that bad orders are placed on: files, destinations and accounts, and a census of what OMERO holds."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ScreenI
from omero.rtypes import rstring, unwrap
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from contracts.deployment_names import IMPORT_ORDER
from contracts.import_report import ImportReport, report_key
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tests.sandbox.bad_input.waiting_for import wait_for

#: What an import writes; a refused order leaves the number of each as it was.
COUNTED = (
    "Project",
    "Dataset",
    "Screen",
    "Plate",
    "Fileset",
    "Image",
    "OriginalFile",
    "MapAnnotation",
    "CommentAnnotation",
)
#: A group in which members may look at each other's data and no more; the site itself has none.
READERS = "readers"


@dataclass
class Answer:
    """What `omero-flows` said: its exit code, and its standard output and error without line breaks of its own."""

    code: int
    out: str
    err: str


@dataclass
class Ground:
    """Files in lab-a's folder, and OMERO and Prefect to look into."""

    site: Site
    folder: Path
    root: BlitzGateway
    alice: BlitzGateway
    prefect: SyncPrefectClient
    ids: dict[str, int] = field(default_factory=dict)

    # ---- files and destinations

    def write_tiff(self, name: str, folder: Path | None = None) -> Path:
        """A small whole image."""
        path = (folder or self.folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.arange(48 * 64, dtype=np.uint16).reshape(48, 64))
        return path

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.site.storage / "lab-a"))

    def make_container(self, kind: type[DatasetI] | type[ScreenI], group: str) -> int:
        """A Dataset or Screen of alice's in a group of hers."""
        context = self.alice.SERVICE_OPTS.copy()
        context.setOmeroGroup(self.root.getObject("ExperimenterGroup", attributes={"name": group}).getId())
        container = kind()
        container.setName(rstring(f"bad input {uuid.uuid4()}"))
        return int(self.alice.getUpdateService().saveAndReturnObject(container, context).id.val)

    # ---- what is there

    def census(self) -> dict[str, int]:
        """How many objects of each kind OMERO holds, of all groups; and the entries of its managed repository."""
        query = self.root.getQueryService()
        counts = {
            kind: int(unwrap(query.projection(f"select count(o.id) from {kind} o", None, {"omero.group": "-1"}))[0][0])
            for kind in COUNTED
        }
        repository = self.site.home.omero / "ManagedRepository"
        return counts | {"repository": sum(len(files) for _, _, files in os.walk(repository))}

    def runs_of(self, token: uuid.UUID) -> list[FlowRun]:
        wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=[str(token)]))
        return self.prefect.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=200)

    def report(self, token: uuid.UUID) -> ImportReport:
        answer = self.prefect.request("GET", f"/artifacts/{report_key(token)}/latest")
        data = answer.json()["data"]
        return ImportReport.model_validate_json(data) if isinstance(data, str) else ImportReport.model_validate(data)

    # ---- the two ways to place an order

    def command(self, *words: str | bytes, before: tuple[str, ...] = (), cwd: Path | None = None) -> Answer:
        """Run `omero-flows import ...` to its end, as a person would; `before` is put before the command."""
        environment = self.site.environment() | {"PYTHONPATH": str(PROJECT), "COLUMNS": "200"}
        done = subprocess.run(
            [*before, sys.executable, "-m", "cli.main", "import", *words],
            cwd=cwd or PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def commands(self, calls: dict[str, list[str | bytes]]) -> dict[str, Answer]:
        """Several commands, a few at a time; their answers by name."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(calls, pool.map(lambda words: self.command(*words), calls.values()), strict=True))

    def submit(self, order: dict[str, Any]) -> FlowRun:
        """Make a flow run through Prefect's API, with nothing of ours looking at the order before.

        Raises:
            PrefectHTTPStatusError: the API does not take these parameters.
        """
        deployment = self.prefect.read_deployment_by_name(IMPORT_ORDER)
        return self.prefect.create_flow_run_from_deployment(
            deployment.id, parameters={"order": order}, tags=[order["uuid"]]
        )

    def wait_for_end(self, run: FlowRun) -> FlowRun:
        def look() -> FlowRun | None:
            now = self.prefect.read_flow_run(run.id)
            ended = now.state is not None and now.state.is_final() and now.state.type is not StateType.CRASHED
            return now if ended else None

        return wait_for(f"the end of run {run.name}", look)

    def order(self, *paths: str, **fields: Any) -> dict[str, Any]:
        """An order as JSON, of alice's into a dataset by name, unless `fields` say otherwise."""
        token = str(uuid.uuid4())
        return {
            "uuid": token,
            "user": "alice",
            "group": "lab-a",
            "files": [{"path": path} for path in paths],
            "destination": {"type": "Dataset", "name": f"bad input {token}"},
            **fields,
        }
