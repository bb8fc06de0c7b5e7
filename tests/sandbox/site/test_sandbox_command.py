"""What a person reads from `omero-flows sandbox`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from sandbox.site import Site

runner = CliRunner(env={"COLUMNS": "160"})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_up_status_logs_down(home: Path) -> None:
    try:
        up = runner.invoke(app, ["sandbox", "up", "--home", str(home), "--only", "postgres"])
        assert up.exit_code == 0, up.output
        assert "The site is up" in up.output

        status = runner.invoke(app, ["sandbox", "status", "--home", str(home)])
        assert status.exit_code == 0, status.output
        passwords = Site(home).addresses.passwords
        for expected in ("postgres", "ready", "OMERO.web", "alice", passwords["alice"], "lab-b (rw----)"):
            assert expected in status.output
        assert "not for data you cannot lose" in status.output

        logs = runner.invoke(app, ["sandbox", "logs", "postgres", "--home", str(home)])
        assert "database system is ready to accept connections" in logs.output
    finally:
        down = runner.invoke(app, ["sandbox", "down", "--home", str(home)])
    assert down.exit_code == 0, down.output

    status = runner.invoke(app, ["sandbox", "status", "--home", str(home)])
    assert status.exit_code == 1
    assert "The site is down" in status.output


def test_status_without_a_site_says_how_to_start_one(home: Path) -> None:
    status = runner.invoke(app, ["sandbox", "status", "--home", str(home)])
    assert status.exit_code == 1
    assert "omero-flows sandbox up" in status.output


def test_an_unknown_log_is_answered_with_those_there_are(home: Path) -> None:
    logs = runner.invoke(app, ["sandbox", "logs", "oracle", "--home", str(home)])
    assert logs.exit_code == 2
    assert "none yet" in logs.output


def test_an_unknown_service_is_refused_by_name(home: Path) -> None:
    up = runner.invoke(app, ["sandbox", "up", "--home", str(home), "--only", "oracle"])
    assert up.exit_code == 1
    assert "'oracle' is no service of this site" in up.output
