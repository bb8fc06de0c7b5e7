"""Orders of 0, of 10,000 and of 10,001 files, by the command. A whole import of 10,000 is for the bench."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

from contracts.import_order import MOST_FILES
from sandbox.site.service import PROJECT
from tests.sandbox.bad_input.bad_ground import Ground

#: The work pool that `omero-flows deploy` makes.
POOL = "imports"


def test_the_largest_order_is_checked_and_placed_and_one_more_file_is_refused(ground: Ground) -> None:
    """The pool is paused, so that the order waits; then it is cancelled."""
    folder = ground.folder / "many"
    content = ground.write_tiff("0.tif", folder).read_bytes()
    names = [f"{number}.tif" for number in range(MOST_FILES)]
    for name in names[1:]:
        (folder / name).write_bytes(content)
    before = ground.census()
    token = uuid.uuid4()
    words = ["--as", "alice", "--group", "lab-a", "--dataset", "Many", "--uuid", str(token), "--detach"]
    ground.prefect.request("PATCH", f"/work_pools/{POOL}", json={"is_paused": True})
    try:
        refused = ground.command(*words, *names, "one more.tif", cwd=folder)
        assert refused.code == 1
        assert "An order holds 1 to 10,000 files, not 10,001." in refused.err
        assert ground.runs_of(token) == []
        answer = ground.command(*words, *names, cwd=folder)
        assert answer.code == 0, answer
        [run] = ground.runs_of(token)
        assert len(run.parameters["order"]["files"]) == MOST_FILES
        assert run.name == 'Import 0.tif and 9999 more -> Dataset "Many"'
        cancelled = subprocess.run(
            [sys.executable, "-m", "cli.main", "cancel", str(token)],
            cwd=PROJECT,
            timeout=600,
            check=False,
            env=os.environ | ground.site.environment(),
            capture_output=True,
            text=True,
        )
        assert cancelled.returncode == 0, cancelled
    finally:
        ground.prefect.request("PATCH", f"/work_pools/{POOL}", json={"is_paused": False})
    ended = ground.wait_for_end(run)
    assert ended.state is not None and ended.state.is_cancelled()
    assert ground.census() == before


def test_an_order_without_files_is_refused(ground: Ground) -> None:
    answer = ground.command("--as", "alice", "--group", "lab-a", "--dataset", "None")
    assert answer.code == 2
    assert "Missing argument" in answer.err and "files" in answer.err.lower()
