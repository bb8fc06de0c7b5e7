"""`python -m tests.chaos.batch_process FILE`: a batch of the orders in FILE, in a process of its own, to be killed.

It writes its report, as JSON, beside FILE when it comes to its end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from contracts.batch.report import BatchReport
from contracts.import_order import ImportOrder
from flows.batch_import import batch_import


async def run(orders: tuple[ImportOrder, ...]) -> BatchReport:
    state = await batch_import(title="Chaos", orders=orders, return_state=True)
    report = await state.aresult(raise_on_failure=False)
    assert isinstance(report, BatchReport), report
    return report


if __name__ == "__main__":
    file = Path(sys.argv[1])
    listed = tuple(ImportOrder.model_validate(order) for order in json.loads(file.read_text("utf-8")))
    file.with_suffix(".report").write_text(asyncio.run(run(listed)).model_dump_json(), "utf-8")
