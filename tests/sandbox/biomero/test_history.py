"""What BIOMERO did goes on answering by its UUID, however often its history is taken over, wherever that is killed."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import SecretStr

from contracts.deployment_names import BIOMERO_RUN
from contracts.failures import FailureCategory, FailureError
from contracts.finding import Finding
from contracts.import_order import ImportOrder
from contracts.migrated_run import MigratedEnd, MigratedHistory, read_history
from flows.biomero_history import biomero_history
from sandbox.site import Site
from tasks.biomero_bridge import BIOMERO_BLOCK
from tasks.bridge_examination import examine_bridge
from tests.sandbox.biomero.database import FrontEnd
from tests.sandbox.biomero.test_orders import claim_and_die
from tests.sandbox.panel.web_visitor import WebVisitor
from tests.unit.cli.command import omero_flows
from tests.unit.contracts.test_biomero_past import EVENTS, read_rows

#: As eventsourcing_sqlalchemy makes it for BIOMERO's WorkflowTracker.
SCHEMA = """
CREATE TABLE workflowtracker_events (
    id BIGSERIAL PRIMARY KEY,
    originator_id UUID NOT NULL,
    originator_version BIGINT NOT NULL,
    topic TEXT NOT NULL,
    state BYTEA NOT NULL
);
CREATE UNIQUE INDEX ON workflowtracker_events (originator_id, originator_version);
"""


@dataclass(frozen=True)
class Past:
    """A database with a past; tokens of what is in it."""

    front_end: FrontEnd
    block: str
    workflow: uuid.UUID
    failed_workflow: uuid.UUID
    unfinished_workflow: uuid.UUID

    def order(self, *stages: tuple[str, str], days: int = 30, **columns: str) -> str:
        """An order with these stages and their descriptions, an hour between them."""
        token = str(uuid.uuid4())
        for number, (stage, description) in enumerate(stages):
            age = f"{days * 24 - number} hours"
            given = {"files": json.dumps([f"{self.front_end.block.mount}/lab-a/old/a.tif"]), **columns}
            self.front_end.order(
                given.pop("files"), token=token, stage=stage, age=age, description=description, **given
            )
        return token


@pytest.fixture
async def past(front_end: FrontEnd) -> AsyncIterator[Past]:
    """The workflows of tests/sandbox/biomero/workflow_events.jsonl, under UUIDs of their own."""
    front_end.connection.execute(SCHEMA)
    text = EVENTS.read_text("utf-8")
    known: dict[str, str] = {}
    for originator, *_ in read_rows(text):
        known.setdefault(originator, str(uuid.uuid4()))
    for old, new in known.items():
        text = text.replace(old, new).replace(old.replace("-", ""), new.replace("-", ""))
    rows = read_rows(text)
    for originator, version, topic, state in rows:
        front_end.connection.execute(
            "INSERT INTO workflowtracker_events (originator_id, originator_version, topic, state)"
            " VALUES (%s, %s, %s, %s)",
            (originator, version, topic, state.encode()),
        )
    begun = [uuid.UUID(originator) for originator, _, topic, _ in rows if topic.endswith("WorkflowInitiated")]
    name = f"biomero-{uuid.uuid4().hex[:8]}"
    await front_end.block.asave(name)
    yield Past(front_end, name, *begun)


async def find(*tokens: str | uuid.UUID) -> list[FlowRun]:
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[BIOMERO_RUN])),
            flow_run_filter=FlowRunFilter(
                idempotency_key=FlowRunFilterIdempotencyKey(any_=[str(token) for token in tokens])
            ),
            sort=FlowRunSort.ID_DESC,
            limit=100,
        )


async def take_over(past: Past) -> str:
    state = await biomero_history(database=past.block, return_state=True)
    assert state.is_completed(), state
    return state.message or ""


def history_of(run: FlowRun) -> MigratedHistory:
    history = read_history(run.tags, run.parameters)
    assert history is not None
    return history


async def test_what_biomero_did_answers_by_its_uuid(past: Past, site: Site, tmp_path: Path) -> None:
    pending, started, done, failed = "Import Pending", "Import Started", "Import Completed", "Import Failed"
    good = past.order((pending, ""), (started, ""), (done, ""))
    bad = past.order((pending, ""), (started, ""), (failed, "No space left [on] device"))
    forgotten = past.order((pending, ""), (started, ""), days=400)
    elsewhere = past.order((pending, ""), (failed, ""), files='["/data/gone/b.lif"]', group_name="gone-group")
    claimed = past.order((pending, ""))
    claim_and_die(past.front_end)
    waiting = past.order((pending, ""))
    odd = past.front_end.order("a.tif", token="order 7", stage=failed)
    workflows = (past.workflow, past.failed_workflow, past.unfinished_workflow)

    said = await take_over(past)
    assert said == (
        "7 taken over, 0 brought up to date, 0 there already, 1 not begun and left to the bridge,"
        " 1 cannot be read (see the log)."
    )
    runs = {
        str(run.idempotency_key): run
        for run in await find(good, bad, forgotten, elsewhere, claimed, waiting, odd, *workflows)
    }
    assert {token: (run.state.type.value, run.state.name) for token, run in runs.items() if run.state is not None} == {
        good: ("COMPLETED", "Completed"),
        bad: ("FAILED", "Failed"),
        forgotten: ("CANCELLED", "Unfinished"),
        elsewhere: ("FAILED", "Failed"),
        str(past.workflow): ("COMPLETED", "Completed"),
        str(past.failed_workflow): ("FAILED", "Failed"),
        str(past.unfinished_workflow): ("CANCELLED", "Unfinished"),
    }
    # What Prefect lists by is the time at which BIOMERO was asked, and what was ordered can be ordered again.
    for run in runs.values():
        placed = history_of(run).placed
        assert placed is not None
        assert abs(run.expected_start_time - placed) < timedelta(seconds=1)
        assert {"omero-flows", "migrated", str(run.idempotency_key)} <= set(run.tags)
    assert ImportOrder.model_validate(runs[good].parameters["order"]).files[0].path == "old/a.tif"
    assert history_of(runs[good]).end is MigratedEnd.COMPLETED
    assert runs[elsewhere].parameters["order"]["files"] == [{"path": "/data/gone/b.lif"}]

    # A second time makes nothing; what ended since is brought up to date, and so is what a kill left half made.
    past.front_end.order("[]", token=forgotten, stage=done)
    async with get_client() as client:
        await client.request("POST", f"/flow_runs/{runs[good].id}/set_state", json=_scheduled())
    said = await take_over(past)
    assert said.startswith("0 taken over, 2 brought up to date, 5 there already")
    again = {str(run.idempotency_key): run for run in await find(*runs)}
    assert {token: run.id for token, run in again.items()} == {token: run.id for token, run in runs.items()}
    assert all(run.state is not None and run.state.is_final() for run in again.values())
    assert history_of(again[forgotten]).end is MigratedEnd.COMPLETED

    # The command line and the panel find them, and have nobody retry what BIOMERO did.
    settings = ("--settings", str(site.home.settings_file))
    shown = omero_flows("show", str(past.failed_workflow), *settings, folder=tmp_path)
    assert (shown.code, "stardist v1.3.2" in shown.out, "Slurm job 4712" in shown.out) == (0, True, True)
    retried = omero_flows("retry", bad, *settings, folder=tmp_path)
    assert retried.code == 1
    assert "BIOMERO did this run" in retried.error
    with WebVisitor(site, "alice") as alice:
        page = alice.get(f"/flows/runs/{bad}/").text
        assert "No space left [on] device" in page
        assert "What BIOMERO wrote" in page
        assert "Retry the rest" not in page
        assert bad in alice.get(f"/flows/runs/?text={bad}").text
    with WebVisitor(site, "root") as admin:
        assert "Slurm job 4711" in admin.get(f"/flows/runs/{past.workflow}/").text


async def test_a_migration_that_was_killed_goes_on(past: Past) -> None:
    """Killed between the making of a run and its state: nothing comes twice, and nothing stays half made."""
    tokens = [past.order(("Import Pending", ""), ("Import Completed", ""), days=3) for _ in range(3)]
    past.front_end.connection.execute("DELETE FROM workflowtracker_events")
    async with get_client() as client:
        flow = await client.create_flow_from_name(BIOMERO_RUN)
        for token in tokens[:2]:
            body = {"flow_id": str(flow), "idempotency_key": token, "state": _scheduled()["state"]}
            await client.request("POST", "/flow_runs/", json=body)
    assert (await take_over(past)).startswith("1 taken over, 2 brought up to date")
    assert (await take_over(past)).startswith("0 taken over, 0 brought up to date, 3 there already")
    runs = await find(*tokens)
    assert sorted(str(run.idempotency_key) for run in runs) == sorted(tokens)
    assert all(run.state is not None and run.state.is_completed() for run in runs)


async def test_a_database_of_the_importer_alone_and_one_that_is_away(past: Past) -> None:
    past.front_end.connection.execute("DROP TABLE workflowtracker_events")
    assert (await take_over(past)).startswith("0 taken over")
    away = past.front_end.block.model_copy(update={"port": 1})
    await away.asave(past.block, overwrite=True)
    state = await biomero_history(database=past.block, return_state=True)
    assert state.is_failed()
    assert "does not answer" in (state.message or "")


def _scheduled() -> dict[str, object]:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    state = {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": yesterday}}
    return {"state": state, "force": True}


async def test_the_commands_of_a_site_that_keeps_its_front_ends(past: Past, site: Site, tmp_path: Path) -> None:
    """`migrate history` has a worker do it; `doctor` looks at the database and for a bridge."""
    done = past.order(("Import Pending", ""), ("Import Completed", ""))
    past.order(("Import Pending", ""))
    await past.front_end.block.asave(BIOMERO_BLOCK, overwrite=True)
    try:
        answer = omero_flows("migrate", "history", "--settings", str(site.home.settings_file), folder=tmp_path)
        assert answer.code == 0, answer.error
        assert "4 taken over, 0 brought up to date" in answer.out
        assert len(await find(done, past.workflow)) == 2

        finding = await _find_bridge()
        said = finding.found if finding.failure is None else finding.failure.summary
        assert "asks every 0.5 s, 1 orders wait" in said or "Nobody has" in said
        role = f"reader_{uuid.uuid4().hex[:8]}"
        past.front_end.connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")  # type: ignore[arg-type]
        past.front_end.connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")  # type: ignore[arg-type]
        reader = past.front_end.block.model_copy(update={"user": role, "password": SecretStr("x")})
        await reader.asave(BIOMERO_BLOCK, overwrite=True)
        finding = await _find_bridge()
        assert finding.failure is not None
        assert finding.failure.category is FailureCategory.BIOMERO_REFUSED
        await reader.model_copy(update={"port": 1}).asave(BIOMERO_BLOCK, overwrite=True)
        finding = await _find_bridge()
        assert finding.failure is not None
        assert finding.failure.category is FailureCategory.BIOMERO_UNREACHABLE
    finally:
        async with get_client() as client:
            document = await client.read_block_document_by_name(BIOMERO_BLOCK, "biomero-database")
            await client.delete_block_document(document.id)


async def _find_bridge() -> Finding:
    try:
        return Finding(subject="bridge", found=await examine_bridge())
    except FailureError as error:
        return Finding(subject="bridge", failure=error.failure)
