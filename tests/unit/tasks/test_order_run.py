"""Work in a thread tidies up before its order's session ends, however often the run is cancelled."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest
from pydantic import SecretStr

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.import_order import ImportOrder
from tasks.order_run import OrderRun


async def test_a_second_cancellation_does_not_break_off_the_tidying() -> None:
    server = OmeroServer(host="127.0.0.1", sudo_user="importer", password=SecretStr("unused"))
    order = ImportOrder.model_validate(
        {
            "uuid": uuid4(),
            "user": "a",
            "group": "g",
            "destination": {"type": "Dataset", "id": 1},
            "files": [{"path": "a"}],
        }
    )
    run = OrderRun(order, server, OmeroSession(server, "a", "g"), ImageStorage(root="/nowhere"), None)
    begun, may_end, tidied = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        run.stop.wait()
        may_end.wait()
        tidied.set()

    step = asyncio.create_task(run.in_thread(work))
    await asyncio.to_thread(begun.wait)
    step.cancel()
    await asyncio.to_thread(run.stop.wait)
    step.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert tidied.is_set()
