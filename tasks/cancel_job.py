"""A cancelled run ends its job on the cluster."""

from __future__ import annotations

from prefect import get_run_logger

from blocks.cancellation import cancel
from blocks.omero_failures import describe
from tasks.analysis_work import AnalysisWork


async def cancel_job(work: AnalysisWork) -> None:
    """scancel every job of the run, as far as a process that is itself being cancelled can.

    What it cannot, the cluster's watcher does: it looks for jobs of runs that are cancelled (flows/watch_cluster.py).
    """
    try:
        await work.in_thread(_cancel, work)
        get_run_logger().info("The run's job on the cluster is cancelled")
    except Exception as error:  # noqa: BLE001  the run is cancelled all the same; the watcher does what is missing
        get_run_logger().warning("The run's job is not cancelled yet, the watcher will do it: %s", describe(error))


def _cancel(work: AnalysisWork) -> None:
    # The work's own login was told to stop, and may stand in the middle of a transfer.
    work.log_out()
    with work.cluster.connect() as connection:
        cancel(work.cluster, connection, work.token)
