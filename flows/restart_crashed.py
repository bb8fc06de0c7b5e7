"""Start again what crashed and was left alone: no order is lost with what Prefect's server had in its memory."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.crashed_runs import restart_crashed_runs


@flow(name="restart-crashed", flow_run_name="restart what crashed", persist_result=False)
async def restart_crashed() -> State[Any]:
    """Look once at the orders, runs and batches that are Crashed, and start those again that nothing has."""
    async with get_client() as client:
        restarted = await restart_crashed_runs(client)
    for run in restarted:
        get_run_logger().warning("%s (%s) had crashed and was left alone; it is started again", run.name, run.id)
    return Completed(message=f"{len(restarted)} crashed runs were started again")
