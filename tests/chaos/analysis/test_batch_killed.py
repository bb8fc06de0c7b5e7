"""A batch of analyses that is killed while it places runs, and then started twice, has each image analysed once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from omero.sys import ParametersI

from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import AnalysisBatchReport
from sandbox.site import Site
from sandbox.site.service import PROJECT
from tasks.rule_runs import PlacedByRule, read_rule_runs
from tests.chaos.aftermath import as_root, rows
from tests.chaos.analysis.copy_workflow import NAME
from tests.chaos.analysis.placed_runs import GROUP, PlacedRun, RunDesk
from tests.chaos.analysis.run_aftermath import RunEnding, check_run_aftermath
from tests.chaos.waiting import wait_for

pytestmark = pytest.mark.timeout(1800)


def test_killed_between_two_runs_and_started_twice(site: Site, runs: RunDesk, tmp_path: Path) -> None:
    """Results of other tests lie in the dataset too; they are none of its images."""
    images = sorted((*runs.small, runs.large))
    rule = AnalysisRule.model_validate(
        {
            "user": "alice",
            "group": GROUP,
            "workflow": {"name": NAME},
            "datasets": [_dataset_of(site, images[0])],
            "parameters": {"bytes": 100 + uuid.uuid4().int % 1000},
            "images_per_run": 1,
        }
    )
    file = tmp_path / "rule.json"
    file.write_text(rule.model_dump_json(), "utf-8")

    struck = _start(site, file)
    placed = wait_for("a run to be placed", lambda: _placed(runs, rule), explain=lambda: _log(file))
    struck.kill()
    struck.wait()
    placed = _placed(runs, rule)
    assert 1 <= len(placed) < len(images), f"it was not killed between two runs\n{_log(file)}"

    both = [_start(site, file), _start(site, file)]
    for process in both:
        assert process.wait(timeout=600) == 0, _log(file)
    report = AnalysisBatchReport.model_validate_json(file.with_suffix(".report").read_text("utf-8"))
    assert report.is_complete, report
    found = _placed(runs, rule)
    assert sorted(id for one in found for id in one.run.inputs.images) == images
    assert {one.run.uuid for one in placed} <= {one.run.uuid for one in found}

    endings = [PlacedRun(runs, one.run.uuid, one.flow_run.id, one.run) for one in found]
    for one in endings:
        one.wait_until_ended()
    check_run_aftermath(runs, *map(RunEnding, endings))


def _dataset_of(site: Site, image: int) -> int:
    with as_root(site) as omero:
        text = "select l.parent.id from DatasetImageLink l where l.child.id = :id"
        return int(rows(omero, text, ParametersI().addId(image))[0][0])


def _start(site: Site, file: Path) -> subprocess.Popen[bytes]:
    with file.with_name(f"{uuid.uuid4().hex[:6]}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.analysis.batch_process", str(file)],
            cwd=PROJECT,
            env=os.environ | site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _log(file: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace")[-6000:] for log in file.parent.glob("*.log"))


def _placed(runs: RunDesk, rule: AnalysisRule) -> list[PlacedByRule]:
    async def read() -> list[PlacedByRule]:
        async with runs.asynchronous_client() as client:
            return await read_rule_runs(client, rule.token)

    return asyncio.run(read())
