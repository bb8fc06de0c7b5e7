"""Import orders on the site."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun

from cli.flow_runs import read_report
from contracts.destination import Destination
from contracts.import_order import ImportOrder
from contracts.import_report import ImportReport
from tasks.placing import place_order
from tests.chaos.desk import Desk, Placed

GROUP = "lab-a"


class OrderDesk(Desk):
    """Where a test places its orders."""

    def make_order(self, files: Iterable[Path], *, dataset: str | None = None, **fields: Any) -> ImportOrder:
        """An order of alice's; its dataset is its own unless one is named."""
        token = uuid.uuid4()
        folder = self.site.storage / GROUP
        return ImportOrder.model_validate(
            {
                "uuid": token,
                "user": "alice",
                "group": GROUP,
                "destination": Destination(type="Dataset", name=dataset or f"chaos {token}").model_dump(),
                "files": [{"path": str(file.relative_to(folder))} for file in files],
                **fields,
            }
        )

    def place(self, files: Iterable[Path], **fields: Any) -> PlacedOrder:
        return self.submit(self.make_order(files, **fields))

    def place_each(self, files: Iterable[Path], **fields: Any) -> list[PlacedOrder]:
        """One order for each file, all placed at once."""
        return asyncio.run(self._place_all([self.make_order([file], **fields) for file in files]))

    def submit(self, order: ImportOrder) -> PlacedOrder:
        return asyncio.run(self._place_all([order]))[0]

    async def _place_all(self, orders: list[ImportOrder]) -> list[PlacedOrder]:
        runs = await asyncio.gather(*(self._place(order) for order in orders))
        return [PlacedOrder(self, order.uuid, run.id, order) for order, run in zip(orders, runs, strict=True)]

    async def _place(self, order: ImportOrder) -> FlowRun:
        async with self.asynchronous_client() as client:
            return await place_order(client, order)

    async def place_at_once(self, order: ImportOrder, times: int) -> set[uuid.UUID]:
        """The same order through as many clients at the same moment; the ids of its runs."""
        return {run.id for run in await asyncio.gather(*(self._place(order) for _ in range(times)))}

    def find_run(self, order: ImportOrder) -> uuid.UUID:
        """The id of the one flow run with the order's token."""
        [run] = self.find_runs(order.uuid)
        return run.id


@dataclass(frozen=True)
class PlacedOrder(Placed):
    """One order and its flow run."""

    order: ImportOrder

    def report(self) -> ImportReport | None:
        return asyncio.run(self._report())

    async def _report(self) -> ImportReport | None:
        async with self.desk.asynchronous_client() as client:
            return await read_report(client, self.token)

    def __str__(self) -> str:
        return f"order {self.token} ({self.order.files[0].path})"
