"""Taking over a BIOMERO site's workflows, as an admin types it: real processes, the site's own Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.slurm_config import read_slurm_config
from sandbox.site import Site

CONFIG = """\
[WORKFLOWS]
cellpose=cellpose
cellpose_repo=https://github.com/lab/W_Cellpose/tree/v1.3.1
cellpose_job=jobs/cellpose.sh
cellpose_job_gres=gpu:1
cellpose_job_reservation=biomero
plates_repo=https://github.com/lab/W_Plates/tree/v2
[UI]
plate_workflows=["plates"]
"""


class CommandLine:
    """Runs `omero-flows` as in a wide terminal whose environment names the site."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._environment = os.environ | site.environment() | {"COLUMNS": "250", "NO_COLOR": "1", "TERM": "dumb"}
        self._folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def command(site: Site, tmp_path: Path) -> CommandLine:
    (tmp_path / "slurm-config.ini").write_text(CONFIG, "utf-8")
    (tmp_path / "other.ini").write_text(CONFIG.replace("v1.3.1", "v1.4.0"), "utf-8")
    return CommandLine(site, tmp_path)


def test_workflows_are_taken_over_once_and_replaced_only_when_asked(command: CommandLine) -> None:
    written = command.run("migrate", "slurm-config", "slurm-config.ini", "--write", "--replace")
    assert written.returncode == 0, written.stderr
    assert "Saved 2 workflows." in written.stdout

    listed = command.run("workflows", "list")
    assert listed.returncode == 0, listed.stderr
    row = next(line for line in listed.stdout.splitlines() if "cellpose" in line)
    assert "https://github.com/lab/W_Cellpose/tree/v1.3.1" in row and "--gres=gpu:1 --reservation=biomero" in row
    assert any("plates" in line and "W_Plates/tree/v2" in line for line in listed.stdout.splitlines())

    expected = {name: entry.model_dump(mode="json") for name, entry in read_slurm_config(CONFIG).workflows.items()}
    assert json.loads(command.run("workflows", "list", "--json").stdout) == expected

    refused = command.run("migrate", "slurm-config", "other.ini", "--write")
    assert refused.returncode == 1
    assert "It holds: cellpose, plates" in refused.stderr and "--replace" in refused.stderr
    assert json.loads(command.run("workflows", "list", "--json").stdout) == expected

    assert command.run("migrate", "slurm-config", "other.ini", "--write", "--replace").returncode == 0
    assert "v1.4.0" in command.run("workflows", "list").stdout


def test_without_write_nothing_changes(command: CommandLine) -> None:
    before = command.run("workflows", "list", "--json").stdout
    assert command.run("migrate", "slurm-config", "other.ini").returncode == 0
    assert command.run("workflows", "list", "--json").stdout == before
