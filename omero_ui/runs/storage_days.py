"""Bytes that runs moved, by day: what their storage-use artifacts say.

Prefect sums nothing, so every artifact is read: page by page, a few at each question, until all days are summed up. A
page that was read is remembered, and what is summed up by then is shown meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from contracts.storage_use import STORAGE_USE, StorageUse
from omero_ui.prefect_api.answers import Artifact
from omero_ui.prefect_api.artifacts import as_json
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.prefect_api.remembered import Remembered
from omero_ui.runs.query import visible_between
from omero_ui.runs.visible import seen_alike
from omero_ui.visitor import Visitor

#: Seconds after which no further page is asked for: the browser comes again.
PATIENCE = 0.05
DAY = timedelta(days=1)
#: Pages that are remembered: of a quarter, for some hundred who see different runs.
_MOST = 50_000


class _Page(NamedTuple):
    """Bytes of one page of a day's artifacts; `is_last`: the day has no further one."""

    taken_in: int
    sent_out: int
    is_last: bool


#: How long pages are remembered, by the age of their day: runs report on what they moved when they end, and most have
#: ended within a week.
_REMEMBERED = (
    (DAY, Remembered[_Page](60.0, _MOST)),
    (7 * DAY, Remembered[_Page](600.0, _MOST)),
    (timedelta.max, Remembered[_Page](12 * 3600.0, _MOST)),
)


class StorageDay(BaseModel):
    """Bytes of the runs that were to start on one day of UTC."""

    model_config = ConfigDict(frozen=True)

    begin: datetime
    taken_in: int
    sent_out: int


class StorageDays(BaseModel):
    """Oldest first; `left`: how many of the oldest are not summed up yet, and show nothing or not all."""

    model_config = ConfigDict(frozen=True)

    days: tuple[StorageDay, ...]
    left: int

    @property
    def most(self) -> int:
        """Bytes moved on the day that moved the most."""
        return max((day.taken_in + day.sent_out for day in self.days), default=0)

    @property
    def is_empty(self) -> bool:
        return not self.most


def read_storage(prefect: PrefectApi, visitor: Visitor, days: int, now: datetime) -> StorageDays:
    """Of all runs that the visitor may see, as far as `PATIENCE` lets; asked again it comes further."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    until = time.monotonic() + PATIENCE
    found: list[StorageDay] = []
    left = 0
    for back in range(days):
        begin = midnight - back * DAY
        taken, sent, whole = 0, 0, False
        for page in _pages(prefect, visitor, begin, now, until) if not left else ():
            taken, sent, whole = taken + page.taken_in, sent + page.sent_out, page.is_last
        left += not whole
        found.append(StorageDay(begin=begin, taken_in=taken, sent_out=sent))
    return StorageDays(days=tuple(reversed(found)), left=left)


def _pages(prefect: PrefectApi, visitor: Visitor, begin: datetime, now: datetime, until: float) -> Iterator[_Page]:
    """Those of a day, the last one only when there was time for it. When nothing has been asked yet there always is:
    else nothing would ever be summed up where Prefect is slow.
    """
    remembered = next(pages for age, pages in _REMEMBERED if now - begin < age)
    number = 0
    while True:
        key = (seen_alike(visitor), begin, number)
        page = remembered.known(key)
        if page is None:
            if time.monotonic() > until:
                return
            page = remembered.get(key, partial(_ask, prefect, visitor, begin, number * PAGE))
        yield page
        if page.is_last:
            return
        number += 1


def _ask(prefect: PrefectApi, visitor: Visitor, begin: datetime, first: int) -> _Page:
    body = {
        "artifacts": {"type": {"any_": [STORAGE_USE]}},
        "flow_runs": visible_between(visitor, begin, begin + DAY - timedelta(microseconds=1)),
        "sort": "KEY_ASC",  # one that does not change while pages are asked for
        "limit": PAGE,
        "offset": first,
    }
    found = [Artifact.model_validate(item) for item in prefect.post("/artifacts/latest/filter", body)]
    uses = [StorageUse.model_validate_json(as_json(artifact)) for artifact in found]
    return _Page(sum(use.taken_in for use in uses), sum(use.sent_out for use in uses), is_last=len(found) < PAGE)
