"""Is the bridge to BIOMERO at work: is the database there, what may the account do, when was it last looked at."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from blocks.biomero_database import BiomeroDatabase
from blocks.biomero_orders import count_pending
from contracts.deployment_names import BIOMERO_BRIDGE
from contracts.failures import FailureCategory, fail
from tasks.biomero_bridge import BIOMERO_BLOCK
from tasks.prefect_client import prefect_client
from tasks.recurring_run import Absence, look_at
from tasks.watcher import LATELY, read_latest_watcher

_START = (
    "Run `omero-flows deploy`, which starts the schedule of bridge-biomero, and see that a worker serves the pool"
    " housekeeping; stop it for good by deleting the block biomero-database and the schedule."
)


_ABSENCE = Absence(
    nobody_ever="Nobody has ever taken BIOMERO's orders; they wait.",
    nobody_has="Nobody has taken BIOMERO's orders",
    in_vain="they wait.",
    the_last="the last bridge",
    failed="The last bridge to BIOMERO failed.",
    start=_START,
    mend="Do what its run in the Prefect UI says; the next one begins within five minutes.",
)


async def examine_bridge() -> str:
    """What is to be said of the bridge.

    Raises:
        FailureError: BIOMERO_UNREACHABLE, BIOMERO_REFUSED, NOT_CONFIGURED, PREFECT_UNREACHABLE.
    """
    try:
        block: BiomeroDatabase = await BiomeroDatabase.aload(BIOMERO_BLOCK)
    except ValueError:
        return "no database of BIOMERO is configured"
    pending = await asyncio.to_thread(_count, block)
    how = "is told of new orders" if block.may_add_trigger else f"asks every {block.poll_seconds:g} s"
    async with prefect_client() as client:
        try:
            made = (await client.read_deployment_by_name(BIOMERO_BRIDGE)).created
            latest = await read_latest_watcher(client, BIOMERO_BRIDGE)
        except ObjectNotFound:
            raise fail(
                FailureCategory.NOT_CONFIGURED, f"There is no deployment {BIOMERO_BRIDGE}.", next_step=_START
            ) from None
    now = datetime.now(UTC)
    said = f"{block.database} on {block.host}:{block.port}, {how}, {pending} orders wait"
    if latest is None and made is not None and now - made < LATELY:
        return f"{said}; the first one begins within five minutes"
    return f"{said}; {describe_bridge(latest, now)}"


def _count(block: BiomeroDatabase) -> int:
    with block.connect() as connection:
        return count_pending(connection)


def describe_bridge(latest: FlowRun | None, now: datetime) -> str:
    """What is to be said of the bridge that began last; one that runs looks all the time.

    Raises:
        FailureError: NOT_CONFIGURED; then orders of BIOMERO wait in vain.
    """
    bridge = look_at(latest, now, _ABSENCE)
    if bridge.is_running:
        return f"crossing since {bridge.began:%H:%M} UTC"
    return f"last looked at {_age(now - bridge.seen)} ago"


def _age(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s" if span < timedelta(minutes=2) else f"{span.total_seconds() / 60:.0f} min"
