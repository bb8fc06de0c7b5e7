"""Look at the whole site as a worker sees it: OMERO, Prefect, the storage, the container engine, the watcher."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from contracts.finding import SITE_CHECK
from tasks.findings import conclude
from tasks.site_examination import examine


@flow(name="check-site", flow_run_name="check the site", persist_result=False)
async def check_site() -> State[Any]:
    """Say what is well, what is not and what to do; nothing is changed."""
    return await conclude(await examine(), SITE_CHECK)
