"""A file that its permissions keep from us. Root passes over permissions: that right is given up for the call."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from contracts.failures import FailureCategory
from sandbox.site.service import PROJECT
from tests.sandbox.bad_input.bad_ground import Ground

#: Without these two capabilities root is held to a file's permissions like everybody.
HELD_TO_PERMISSIONS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
BEFORE = HELD_TO_PERMISSIONS if os.geteuid() == 0 else ()


@pytest.fixture
def unreadable(ground: Ground) -> Path:
    path = ground.write_tiff("unreadable.tif")
    path.chmod(0)
    return path


def test_the_command_and_the_flow_say_so(ground: Ground, unreadable: Path) -> None:
    before = ground.census()
    token = uuid.uuid4()
    answer = ground.command(
        "--as",
        "alice",
        "--group",
        "lab-a",
        "--dataset",
        "Bad",
        "--uuid",
        str(token),
        ground.relative(unreadable),
        before=BEFORE,
    )
    assert answer.code == 1
    assert "'bad input/unreadable.tif' may not be read." in answer.err
    assert "Let the worker's account and OMERO's read the file." in answer.err
    assert ground.runs_of(token) == []

    order = ground.order(ground.relative(unreadable))
    subprocess.run(
        [*BEFORE, sys.executable, __file__, json.dumps(order)],
        timeout=600,
        check=True,
        env=ground.site.environment() | {"PYTHONPATH": str(PROJECT)},
    )
    [outcome] = ground.report(uuid.UUID(order["uuid"])).files
    assert outcome.failure is not None
    assert outcome.failure.category is FailureCategory.FILE_NOT_READABLE
    assert ground.census() == before


if __name__ == "__main__":  # a flow run that is not the worker's, so that it is held to permissions
    from contracts.import_order import ImportOrder
    from flows.import_order import import_order

    asyncio.run(import_order(ImportOrder.model_validate_json(sys.argv[1]), return_state=True))  # type: ignore[arg-type]
