"""The unmodified `omero` command against the embedded OMERO."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.omero.server import EmbeddedOmero
from tests.sandbox.omero_server.conftest import PASSWORD


@pytest.fixture
def command(server: EmbeddedOmero, omero_folder: Path):  # type: ignore[no-untyped-def]
    """Runs `omero ...` (not through its script, which refuses to run as root) and returns what it prints."""

    def run(*words: str) -> str:
        finished = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                "import sys; from omero.cli import argv; sys.exit(argv(['omero', *sys.argv[1:]]))",
                *words,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    run("login", "-u", "alice", "-w", PASSWORD, "-s", "127.0.0.1", "-p", str(server.ssl_port), "-g", "read-annotate")
    return run


def test_objects_are_made_queried_searched_and_deleted(command) -> None:  # type: ignore[no-untyped-def]
    dataset = command("obj", "new", "Dataset", "name=commandline-dataset").strip()
    assert dataset.startswith("Dataset:")
    assert "commandline-dataset" in command(
        "hql",
        "-q",
        "--ids-only",
        "--style",
        "plain",
        "select d.name from Dataset d where d.name = 'commandline-dataset'",
    )
    assert command("obj", "get", dataset, "name").strip() == "commandline-dataset"
    command("obj", "update", dataset, "description=found by words")
    assert dataset.partition(":")[2] in command("search", "Dataset", "words", "--style", "plain")
    assert "ok" in command("delete", dataset)
    assert "commandline-dataset" not in command("hql", "-q", "--style", "plain", "select d.name from Dataset d")


def test_the_session_and_the_groups_are_listed(command) -> None:  # type: ignore[no-untyped-def]
    assert "alice" in command("sessions", "list")
    groups = command("group", "list")
    for name in ("private", "read-only", "read-annotate", "read-write"):
        assert name in groups
    assert "carol" in command("user", "list")
