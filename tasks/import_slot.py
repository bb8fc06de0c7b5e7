"""One of the places at which a site imports (`parallel_imports`), kept for several small files in a row.

To ask Prefect for a place takes longer than to import a small file. It is given back often enough that a person's
order, which waits for a place too, gets one within moments.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import AsyncExitStack
from logging import Logger, LoggerAdapter

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency

from contracts.failures import FailureCategory, fail
from tasks.in_place_import import LEASE_SECONDS
from tasks.prefect_client import is_away

#: How long a place is kept while there is work for it.
SPELL_SECONDS = 5.0
#: Between two attempts to get a place while Prefect is away: whatever else the batch needs, it needs a place first.
PAUSE_SECONDS = 5.0


class ImportSlot:
    """A place that is taken and given back; never more than one at once."""

    def __init__(self, limit_name: str, stop: threading.Event, log: Logger | LoggerAdapter[Logger]) -> None:
        self._limit_name = limit_name
        self._stop = stop
        self._log = log
        self._held: AsyncExitStack | None = None
        self._since = 0.0

    async def take(self) -> None:
        """Hold a place, a new one when this one was held for long enough; waits for Prefect as long as it is away.

        Raises:
            FailureError: PREFECT_UNREACHABLE when Prefect answers and gives none.
        """
        if self._held is not None and time.monotonic() - self._since < SPELL_SECONDS:
            return
        await self.give_back()
        while self._held is None:
            held = AsyncExitStack()
            place = concurrency(self._limit_name, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=False)
            try:
                await held.enter_async_context(place)
                self._held, self._since = held, time.monotonic()
            except ConcurrencySlotAcquisitionError as error:
                if error.__cause__ is None or not is_away(error.__cause__) or self._stop.is_set():
                    raise fail(
                        FailureCategory.PREFECT_UNREACHABLE,
                        "Prefect gives no place to import.",
                        detail=f"{error}: {error.__cause__}",
                        next_step="Check that the Prefect server runs; then retry.",
                    ) from error
                self._log.warning("Prefect is away; waiting for it: %s", error.__cause__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def give_back(self) -> None:
        """A place that cannot be given back, because Prefect is away, ends with its lease."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            await held.aclose()
        except Exception as error:
            if not is_away(error):
                raise
            self._log.warning("Prefect is away; the place to import ends by itself: %s", error)
