"""Orders in a real PostgreSQL: claimed once, however many claim; told in BIOMERO's words; nothing of others touched."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.biomero_orders import CHANNEL, CLAIMED, claim_orders, listen, read_claimed, tell_stages
from contracts.biomero_import import ImportStage
from contracts.failures import FailureCategory, FailureError
from sandbox.site.service import PROJECT
from tests.sandbox.biomero.database import FrontEnd

FILES = [Path("/data/lab-a/a.tif")]

#: Claims, and is killed before it has done anything about it.
CLAIM_AND_DIE = """
import os, signal, sys
from blocks.biomero_database import BiomeroDatabase
from blocks.biomero_orders import claim_orders
block = BiomeroDatabase.model_validate_json(sys.stdin.read())
with block.connect() as connection:
    assert claim_orders(connection, 10)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def claim_and_die(front_end: FrontEnd) -> None:
    """A bridge that is killed (SIGKILL) between the claim of its orders and their placing."""
    died = subprocess.run(
        [sys.executable, "-c", CLAIM_AND_DIE],
        input=front_end.block.model_dump_json(context={"include_secrets": True}),
        cwd=PROJECT,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert died.returncode == -9, died.stderr


def test_four_bridges_never_claim_one_order_twice(front_end: FrontEnd) -> None:
    """They claim side by side, a few at a time, so that each meets rows the others hold or have just let go."""
    tokens = {front_end.order(FILES, age=f"{number} days") for number in range(300)}
    together = threading.Barrier(4)

    def claim(_: int) -> list[str]:
        taken: list[str] = []
        with front_end.block.connect() as connection:
            together.wait()
            while len(some := claim_orders(connection, 7)) > 0 or left():
                taken += some
        return taken

    def left() -> bool:
        counted = "SELECT count(DISTINCT uuid) < %s FROM imports WHERE stage = 'Import Started'"
        with front_end.block.connect() as connection:
            return connection.execute(counted, (len(tokens),)).fetchone() == (True,)

    with ThreadPoolExecutor(4) as bridges:
        taken = [token for some in bridges.map(claim, range(4)) for token in some]
    assert sorted(taken) == sorted(tokens)
    assert all(front_end.monitor(token) == [("Import Pending", ""), ("Import Started", CLAIMED)] for token in tokens)


def test_the_oldest_order_comes_first_however_old(front_end: FrontEnd) -> None:
    young, old = front_end.order(FILES), front_end.order(FILES, age="4 years")
    assert claim_orders(front_end.connection, 1) == [old]
    assert claim_orders(front_end.connection, 9) == [young]
    assert claim_orders(front_end.connection, 9) == []


def test_a_claim_outlives_the_bridge_that_made_it(front_end: FrontEnd) -> None:
    token = front_end.order(FILES)
    claim_and_die(front_end)
    (order,) = read_claimed(front_end.connection, look_back_days=30)
    assert (order.row.uuid, order.told, order.meanings) == (token, ImportStage.STARTED, 1)


def test_orders_of_biomeros_own_importer_are_left_alone(front_end: FrontEnd) -> None:
    for end in ("Import Started", "Import Preprocessing", "Import Failed", "Import Completed"):
        token = front_end.order(FILES, age="2 minutes")
        front_end.order(FILES, token=token, age="1 minute", stage="Import Started")
        front_end.order(FILES, token=token, stage=end)
    assert claim_orders(front_end.connection, 9) == []
    assert read_claimed(front_end.connection, look_back_days=30) == []


def test_a_stage_is_told_once_and_is_the_latest(front_end: FrontEnd) -> None:
    """Two bridges tell the same; the front end's clock is an hour ahead."""
    token = front_end.order(FILES, age="-1 hour", preprocessing=front_end.preprocessing("org/image:v1"))
    claim_orders(front_end.connection, 1)
    stages = [ImportStage.PREPROCESSING, ImportStage.COMPLETED]

    def tell(_: int) -> None:
        with front_end.block.connect() as connection:
            tell_stages(connection, token, ImportStage.STARTED, stages, "1 of 1 files")

    with ThreadPoolExecutor(4) as bridges:
        list(bridges.map(tell, range(8)))
    assert front_end.monitor(token) == [
        ("Import Pending", ""),
        ("Import Started", CLAIMED),
        ("Import Preprocessing", ""),
        ("Import Completed", "1 of 1 files"),
    ]
    kept = front_end.connection.execute(
        "SELECT count(DISTINCT (group_name, user_name, destination_id, files, preprocessing_id)) FROM imports"
    ).fetchone()
    assert kept == (1,)


def test_an_order_that_is_set_back_to_pending_is_claimed_again(front_end: FrontEnd) -> None:
    token = front_end.order(FILES)
    claim_orders(front_end.connection, 1)
    tell_stages(front_end.connection, token, ImportStage.STARTED, [ImportStage.FAILED], "no")
    front_end.connection.execute("UPDATE imports SET stage = 'Import Pending' WHERE stage = 'Import Failed'")
    assert claim_orders(front_end.connection, 9) == [token]


def test_one_uuid_for_two_orders_is_seen(front_end: FrontEnd) -> None:
    token = front_end.order(FILES, age="1 minute")
    front_end.order([*FILES, Path("/data/lab-a/b.tif")], token=token)
    assert claim_orders(front_end.connection, 9) == [token]
    (order,) = read_claimed(front_end.connection, look_back_days=30)
    assert order.meanings == 2


def test_the_trigger_tells_of_an_order_at_once(front_end: FrontEnd) -> None:
    """Made once, by whoever comes first; the wait ends with the notice and not with its time."""
    with front_end.block.connect() as first, front_end.block.connect() as second:
        listen(first)
        listen(second)
        token = front_end.order(FILES)
        for connection in (first, second):
            (notice,) = connection.notifies(timeout=600, stop_after=1)
            assert (notice.channel, notice.payload) == (CHANNEL, token)


def test_what_the_database_lacks_is_said(front_end: FrontEnd) -> None:
    front_end.connection.execute("DROP TABLE imports")
    with pytest.raises(FailureError) as raised, front_end.block.connect() as connection:
        claim_orders(connection, 1)
    assert raised.value.failure.category is FailureCategory.BIOMERO_REFUSED
    with pytest.raises(FailureError) as raised, front_end.block.model_copy(update={"port": 1}).connect():
        pass
    assert raised.value.failure.category is FailureCategory.BIOMERO_UNREACHABLE
    assert front_end.block.password.get_secret_value() not in str(raised.value)
