"""The panel's pages with 100,000 runs in Prefect's PostgreSQL and 20,000 files in a folder.

The runs are copies of one order's rows, ended, over a year, of two users and groups and two kinds: Prefect's API
would take hours to make them. Pages are asked for over HTTP through nginx, as a browser does, one after the other.
What the panel remembers (charts, for a minute) is new the first time alone. The site has the index on tags that the
admins' guide advises; one list is asked for without it as well.
"""

from __future__ import annotations

import os
import statistics
import time
import uuid
from contextlib import closing

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Completed

from benchmarks.figure import Figure
from benchmarks.login import log_in
from benchmarks.watcher import database
from contracts.deployment_names import IMPORT_ORDER
from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.import_report import FileOutcome, FileState, ImportedObject, ImportReport, report_key
from contracts.run_tags import order_tags
from contracts.source_file import SourceFile
from contracts.storage_use import STORAGE_USE, StorageUse, storage_use_key
from sandbox.site import Site

RUNS = 100_000
FILES = 20_000
ROUNDS = 40
GOAL = "goal: p95 below 300 ms"

_NEW_RUNS = """\
create temporary table new_run as
select gen_random_uuid() as id, gen_random_uuid() as state_id, gen_random_uuid()::text as token, number,
       now() - interval '1 year' * (number::float / %(runs)s) as at
from generate_series(1, %(runs)s) as number
"""
_COPY_RUNS = """\
insert into flow_run
select (jsonb_populate_record(run, jsonb_build_object(
    'id', new.id, 'name', 'Import ' || number || '.lif -> Dataset "siRNA ' || number %% 300 || '"',
    'idempotency_key', new.token, 'state_id', null, 'created', at, 'updated', at, 'expected_start_time', at,
    'next_scheduled_start_time', null, 'start_time', at, 'end_time', at + interval '90 s', 'total_run_time', 90,
    'state_type', case when number %% 20 = 0 then 'FAILED' else 'COMPLETED' end,
    'state_name', case when number %% 20 = 0 then 'Failed' else 'Completed' end,
    'tags', jsonb_build_array('omero-flows', new.token,
        case when number %% 3 = 0 then 'kind:analysis' else 'kind:import' end,
        case when number %% 2 = 0 then 'user:alice' else 'user:bob' end,
        case when number %% 5 = 0 then 'group:lab-b' else 'group:lab-a' end)
        || case when number %% 3 = 0 then '["workflow:nuclei"]'::jsonb else '[]'::jsonb end))).*
from flow_run run, new_run new where run.id = %(run)s
"""
_COPY_STATES = """\
insert into flow_run_state
select (jsonb_populate_record(state, jsonb_build_object('id', new.state_id, 'flow_run_id', new.id, 'timestamp', at,
    'type', case when number %% 20 = 0 then 'FAILED' else 'COMPLETED' end))).*
from flow_run_state state, flow_run run, new_run new where run.id = %(run)s and state.id = run.state_id
"""
_COPY_ARTIFACTS = """\
insert into artifact
select (jsonb_populate_record(artifact, jsonb_build_object('id', gen_random_uuid(), 'flow_run_id', new.id,
    'key', replace(artifact.key, %(token)s, new.token), 'created', at, 'updated', at))).*
from artifact, new_run new where artifact.flow_run_id = %(run)s
"""
_COLLECT_ARTIFACTS = """\
insert into artifact_collection (id, created, updated, key, latest_id, flow_run_id, type, data, description)
select gen_random_uuid(), created, updated, key, id, flow_run_id, type, data, description
from artifact where flow_run_id in (select id from new_run)
"""


def measure(site: Site) -> list[Figure]:
    token = fill_prefect(site)
    folder = fill_folder(site)
    pages = {
        "Runs": "/flows/runs/",
        "Runs, since ever, older": "/flows/runs/?since=ever&page=200",
        "Runs, by text": "/flows/runs/?since=ever&text=siRNA+299",
        "Runs, one workflow": "/flows/runs/?since=365d&workflow=nuclei",
        "Runs, of a workflow that nobody ran": "/flows/runs/?since=ever&workflow=none",
        "a run": f"/flows/runs/{token}/",
        "Charts of 90 days": "/flows/runs/charts/?days=90",
        "storage in them, which comes afterwards": "/flows/runs/charts/storage/?days=90",
        "use in them, which comes afterwards": "/flows/runs/charts/use/?days=90",
        "Import": "/flows/import/?group=lab-a",
        "a folder of 20,000 files": f"/flows/import/folder/?group=lab-a&path={folder}&first=10000",
        "Analyse": "/flows/analyse/",
        "Forms": "/flows/forms/",
    }
    rare = "Runs, of a workflow that nobody ran"
    figures = []
    with closing(log_in(site, "alice")) as browser:
        for name, address in pages.items():
            figures += measure_page(browser, name, address)
        drop_index(site)
        figures += measure_page(browser, f"{rare}, without the index of docs/admin.md", pages[rare])
    return figures


def measure_page(browser: httpx.Client, name: str, address: str) -> list[Figure]:
    took = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        browser.get(address).raise_for_status()
        took.append(1000 * (time.monotonic() - began))
    return [
        Figure(f"{name}, 95th percentile of {ROUNDS}", statistics.quantiles(took, n=20)[-1], "ms", GOAL),
        Figure(f"{name}, median", statistics.median(took), "ms"),
        Figure(f"{name}, the first time", took[0], "ms"),
    ]


def drop_index(site: Site) -> None:
    with database(site) as connection:
        connection.execute("drop index omero_flows_flow_run_tags")
        connection.execute("analyze flow_run")


def fill_prefect(site: Site) -> str:
    """`RUNS` runs with their states and artifacts; the token of one of them."""
    order = ImportOrder(uuid=uuid.uuid4(), user="alice", group="lab-a",
                        destination=Destination(type=DestinationType.DATASET, name="siRNA 7"),
                        files=(SourceFile(path="day1/a.lif"),))  # fmt: skip
    image = ImportedObject(type="Image", id=1, name="a.lif")
    outcome = FileOutcome(path="day1/a.lif", state=FileState.IMPORTED, objects=(image,), size=1 << 28)
    report = ImportReport(uuid=order.uuid, destination=order.destination, files=(outcome,))
    with SyncPrefectClient(site.prefect_api, auth_string=site.prefect_auth) as client:
        deployment = client.read_deployment_by_name(IMPORT_ORDER)
        run = client.create_flow_run_from_deployment(
            deployment.id,
            name=order.title,
            parameters={"order": order.model_dump(mode="json")},
            state=Completed(message=report.summary),
            tags=order_tags(order),
        )
        for kind, key, data in (
            ("import-report", report_key(order.uuid), report.model_dump(mode="json")),
            (STORAGE_USE, storage_use_key(order.uuid), StorageUse(taken_in=1 << 28).model_dump(mode="json")),
        ):
            body = {"type": kind, "key": key, "data": data, "flow_run_id": str(run.id)}
            client.request("POST", "/artifacts/", json=body)
    with database(site) as connection, connection.cursor() as cursor:
        cursor.execute(_NEW_RUNS, {"runs": RUNS})
        for statement in (_COPY_RUNS, _COPY_STATES, _COPY_ARTIFACTS, _COLLECT_ARTIFACTS):
            cursor.execute(statement, {"run": run.id, "token": str(order.uuid)})
        cursor.execute("update flow_run set state_id = new_run.state_id from new_run where flow_run.id = new_run.id")
        cursor.execute("analyze")
        cursor.execute("select token from new_run where number = %s", (RUNS // 2,))
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def fill_folder(site: Site) -> str:
    """`FILES` empty files in a folder of lab-a's; its name."""
    folder = site.storage / "lab-a" / "many"
    folder.mkdir()
    for number in range(FILES):
        os.close(os.open(folder / f"image{number}.tif", os.O_CREAT | os.O_WRONLY))
    return folder.name
