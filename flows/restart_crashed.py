"""Start again what crashed or never began and was left alone: no order is lost with what Prefect's server forgot."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.crashed_runs import restart_crashed_runs, restart_unbegun_runs


@flow(name="restart-crashed", flow_run_name="restart what crashed", persist_result=False)
async def restart_crashed() -> State[Any]:
    """Look once at the orders, runs and batches, and start those again that crashed or never began."""
    async with get_client() as client:
        crashed = await restart_crashed_runs(client)
        unbegun = await restart_unbegun_runs(client)
    for run in crashed:
        get_run_logger().warning("%s (%s) had crashed and was left alone; it is started again", run.name, run.id)
    for run in unbegun:
        get_run_logger().warning("%s (%s) was taken and had not begun; it is started again", run.name, run.id)
    return Completed(message=f"{len(crashed)} crashed runs were started again, and {len(unbegun)} that had not begun")
