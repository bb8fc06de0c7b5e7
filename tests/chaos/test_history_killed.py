"""Taking over a BIOMERO history that is killed again and again keeps each of its runs once.

OMERO_FLOWS_HISTORY_RUNS and OMERO_FLOWS_HISTORY_KILLS make it larger: 3000 and 20 for the whole proof.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from contracts.deployment_names import BIOMERO_RUN
from sandbox.site import Site
from sandbox.site.postgres import DATABASE
from sandbox.site.service import PROJECT
from tests.chaos.site_blocks import keep_block
from tests.chaos.waiting import wait_for
from tests.sandbox.biomero.database import FrontEnd, make_block
from tests.sandbox.site.installed_site import database_address

RUNS = int(os.environ.get("OMERO_FLOWS_HISTORY_RUNS", "120"))
KILLS = int(os.environ.get("OMERO_FLOWS_HISTORY_KILLS", "3"))
SEED = 20261130
ENDS = (("Import Completed", "COMPLETED"), ("Import Failed", "FAILED"), ("Import Started", "CANCELLED"))

pytestmark = pytest.mark.timeout(3600)


@dataclass
class Past:
    """A database with `RUNS` orders, taken over as often as a test likes; `expected` are their ends in Prefect."""

    site: Site
    notes: Path
    front_end: FrontEnd
    block: str
    expected: dict[str, str]

    def start(self) -> subprocess.Popen[str]:
        log = (self.notes / f"{uuid.uuid4().hex[:6]}.log").open("w")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.history_process", self.block],
            cwd=PROJECT,
            env=os.environ | self.site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> tuple[int, int, int]:
        """How many were taken over, brought up to date and there already."""
        said, _ = process.communicate(timeout=1800)
        assert process.returncode == 0, self.logs()
        found = re.search(r"(\d+) taken over, (\d+) brought up to date, (\d+) there already", said)
        assert found is not None, said
        made, changed, there = map(int, found.groups())
        return made, changed, there

    def kept(self) -> list[tuple[str, str]]:
        """Token and state of each run in Prefect's own database."""
        with psycopg.connect(database_address(self.site, DATABASE)) as connection:
            return connection.execute(
                "select r.idempotency_key, r.state_type::text from flow_run r join flow f on f.id = r.flow_id"
                " where f.name = %s and r.idempotency_key = any(%s)",
                (BIOMERO_RUN, list(self.expected)),
            ).fetchall()

    def logs(self) -> str:
        return "\n".join(log.read_text("utf-8")[-3000:] for log in self.notes.glob("*.log"))


@pytest.fixture
def past(site: Site, tmp_path: Path) -> Iterator[Past]:
    block = make_block(site)
    with block.connect() as connection:
        front_end = FrontEnd(block, connection)
        expected = {}
        for number in range(RUNS):
            stage, state = ENDS[number % len(ENDS)]
            token = str(uuid.uuid4())
            front_end.order([site.storage / "lab-a" / f"{number}.tif"], token=token, age=f"{RUNS - number} minutes")
            front_end.order("[]", token=token, age="0 seconds", stage=stage)
            expected[token] = state
        name = f"killed-{uuid.uuid4().hex[:8]}"
        keep_block(site, block, name)
        yield Past(site, tmp_path, front_end, name, expected)


def test_killed_at_random_moments_and_at_last_started_twice(past: Past) -> None:
    moments = sorted(random.Random(SEED).sample(range(1, RUNS), KILLS))
    for moment in moments:
        process = past.start()

        def is_there(process: subprocess.Popen[str] = process, moment: int = moment) -> bool:
            assert process.poll() is None, f"it ended before it was killed\n{past.logs()}"
            return len(past.kept()) >= moment

        wait_for(f"{moment} runs to be kept", is_there, explain=past.logs)
        process.kill()
        process.communicate()
    both = [past.start(), past.start()]
    for process in both:
        assert sum(past.end(process)) == RUNS
    kept = past.kept()
    assert Counter(token for token, _ in kept) == Counter(dict.fromkeys(past.expected, 1))
    assert dict(kept) == past.expected
    assert past.end(past.start()) == (0, 0, RUNS)
