"""The commands as a person types them: real processes, the site's own worker."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from sandbox.site import Site
from tests.sandbox.import_order.conftest import Orders
from tests.sandbox.import_order.converter_container import IMAGE, make_image

COMMANDS = ("import", "runs", "show", "retry", "cancel", "doctor", "deploy")


@dataclass
class Answer:
    """How a command ended and what it printed, standard error behind standard output."""

    code: int
    text: str


class CommandLine:
    """Runs `omero-flows` as in a shell whose environment names the site."""

    def __init__(self, site: Site, folder: Path) -> None:
        # A wide terminal: what is looked for must not be broken over lines.
        self.environment = site.environment() | {"COLUMNS": "250", "NO_COLOR": "1", "TERM": "dumb"}
        self._folder = folder
        self._begun: list[asyncio.subprocess.Process] = []

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.main",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
            cwd=self._folder,
        )
        self._begun.append(process)
        return process

    async def run(self, *arguments: str) -> Answer:
        return await ended(await self.begin(*arguments))

    async def close(self) -> None:
        for process in self._begun:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ended(process: asyncio.subprocess.Process) -> Answer:
    output, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode is not None
    return Answer(process.returncode, output.decode())


@pytest.fixture
async def command(site: Site, order_folder: Path) -> AsyncIterator[CommandLine]:
    command = CommandLine(site, order_folder)
    yield command
    await command.close()


async def run_of(token: str) -> FlowRun | None:
    async with get_client() as client:
        found = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[token])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=1,
        )
    return found[0] if found else None


async def state_of(token: str, *names: str) -> FlowRun:
    """Wait until the order's run is in one of the states."""
    for _ in range(600):
        run = await run_of(token)
        if run is not None and run.state is not None and run.state.name in names:
            return run
        await asyncio.sleep(0.2)
    raise AssertionError(f"{token} is {run.state if run is not None else 'not placed'}, not {names}")


def to_alice(orders: Orders, token: str, *more: str) -> list[str]:
    return ["import", "--as", "alice", "--group", "lab-a", "--dataset", orders.dataset, "--uuid", token, *more]


@pytest.mark.parametrize("name", COMMANDS)
async def test_help(command: CommandLine, name: str) -> None:
    answer = await command.run(name, "--help")
    assert answer.code == 0
    assert f"{name} [OPTIONS]" in answer.text
    assert "--settings" in answer.text


async def test_an_order_from_placing_to_retrying(orders: Orders, command: CommandLine) -> None:
    token = str(uuid.uuid4())
    orders.write_tiff("good.tif")
    orders.write_tiff("bad.tif")
    placed = await command.run(*to_alice(orders, token, "--detach", "good.tif", "bad.tif"))
    assert placed.code == 0, placed.text
    assert f"omero-flows show {token}" in placed.text
    again = await command.run(*to_alice(orders, token, "good.tif", "bad.tif"))
    assert again.code == 0, again.text
    assert "2 of 2 files imported as 2 objects" in again.text
    shown, report, listed, retried, cancelled = await asyncio.gather(
        command.run("show", token),
        command.run("show", token, "--json"),
        command.run("runs", "--limit", "200"),
        command.run("retry", token),
        command.run("cancel", token),
    )
    assert shown.code == 0
    assert f'Import good.tif and 1 more -> Dataset "{orders.dataset}"' in shown.text
    assert "started once" in shown.text
    assert {file["state"] for file in json.loads(report.text)["files"]} == {"imported"}
    assert token in listed.text
    assert (retried.code, cancelled.code) == (1, 1)
    assert "has succeeded" in retried.text
    assert "has ended already (Completed)" in cancelled.text


async def test_ctrl_c_detaches_then_cancel_and_retry(orders: Orders, command: CommandLine) -> None:
    """The container waits for a file, so that the order is certainly under way."""
    await asyncio.to_thread(make_image, orders.site)
    token = str(uuid.uuid4())
    orders.write_tiff("a.tif")
    process = await command.begin(
        *to_alice(orders, token, "--container", IMAGE, "--option", "behave=wait", "--option", "note=a b", "a.tif")
    )
    await state_of(token, "Running")
    await wait_for_log(token, "called with:")
    process.send_signal(signal.SIGINT)
    answer = await ended(process)
    assert answer.code == 0, answer.text
    assert "It goes on without this window" in answer.text
    assert "Traceback" not in answer.text
    run = await run_of(token)
    assert run is not None and run.state is not None and run.state.is_running()

    cancelled = await command.run("cancel", token)
    assert cancelled.code == 0, cancelled.text
    await state_of(token, "Cancelled")
    (orders.folder / "go").touch()
    retried = await command.run("retry", token)
    assert retried.code == 0, retried.text
    await state_of(token, "Completed")
    shown = await command.run("show", token)
    assert "1 of 1 files imported as 2 objects" in shown.text
    lines = await wait_for_log(token, "called with:")
    assert (
        "converter:2.1: called with: [--inputfile] [/data/a.tif] [--behave] [wait] [--note] [a b]"
        " [--outputfolder] [/data/.processed] [--altoutputfolder] [/out]"
    ) in lines
    assert orders.leftovers() == []


async def wait_for_log(token: str, text: str) -> list[str]:
    """The lines of an order's log in Prefect, once one of them has the text."""
    run = await run_of(token)
    assert run is not None
    async with get_client() as client:
        for _ in range(600):
            answer = await client.request(
                "POST", "/logs/filter", json={"logs": {"flow_run_id": {"any_": [str(run.id)]}}, "limit": 200}
            )
            lines = [str(line["message"]) for line in answer.json()]
            if any(text in line for line in lines):
                return lines
            await asyncio.sleep(0.2)
    raise AssertionError(f"no {text!r} in the run's log: {lines}")


@pytest.mark.skipif(shutil.which("java") is not None and "OMERODIR" in os.environ, reason="OMERO's importer is here")
async def test_the_java_engine_says_what_it_needs(orders: Orders, command: CommandLine) -> None:
    orders.write_tiff("a.tif")
    answer = await command.run(*to_alice(orders, str(uuid.uuid4()), "--engine", "omero-cli", "a.tif"))
    assert answer.code == 1
    assert 'The engine "omero-cli" cannot run on this worker.' in answer.text
    assert "OMERO's client jars ($OMERODIR/lib/client/*.jar" in answer.text


async def test_deploy_again_and_dry(site: Site, command: CommandLine) -> None:
    settings = str(site.home.settings_file)
    dry = await command.run("deploy", "--settings", settings, "--dry-run")
    made = await command.run("deploy", "--settings", settings)
    assert (dry.code, made.code) == (0, 0), dry.text + made.text
    assert [line.replace("as it is:", "as it was:") for line in dry.text.splitlines()] == made.text.splitlines()
    assert all("as it was:" in line for line in made.text.splitlines()), made.text
    assert "deployment import-order" in made.text


async def test_doctor(site: Site, command: CommandLine) -> None:
    # The workers of a site that has just begun have not told Prefect of themselves yet; a fault test may leave a
    # watcher that failed, and the next begins within five minutes.
    for _ in range(80):
        well = await command.run("doctor")
        if well.code == 0:
            break
        await asyncio.sleep(5)
    assert well.code == 0, well.text
    as_json = await command.run("doctor", "--json")
    findings = json.loads(as_json.text)
    assert {finding["subject"] for finding in findings} >= {"Prefect", "OMERO", "Watcher of the cluster"}
    assert all(finding["failure"] is None for finding in findings)
    # The sandbox's sudo account is a whole administrator, and doctor says so; it works all the same.
    (warned,) = [finding for finding in findings if finding["warning"]]
    assert "'importer' needs Sudo alone, and may " in warned["warning"]
    assert (len(re.findall("✓", well.text)), well.text.count("! OMERO")) == (len(findings) - 1, 1)
    await asyncio.to_thread(site.hold, "omero")
    try:
        ill, as_json = await asyncio.gather(command.run("doctor"), command.run("doctor", "--json"))
    finally:
        await asyncio.to_thread(site.release, "omero")
    assert (ill.code, as_json.code) == (1, 1)
    assert "✗ OMERO:" in ill.text
    assert len(re.findall("✓", ill.text)) == len(findings) - 1
    (failure,) = [finding["failure"] for finding in json.loads(as_json.text) if finding["failure"] is not None]
    assert failure["category"] == "omero-unreachable"
    assert failure["next_step"]


async def test_an_order_that_is_nowhere(command: CommandLine) -> None:
    token = str(uuid.uuid4())
    answers = await asyncio.gather(*(command.run(name, token) for name in ("show", "retry", "cancel")))
    for answer in answers:
        assert answer.code == 1
        assert f"There is no order and no run {token}." in answer.text
        assert "Traceback" not in answer.text
