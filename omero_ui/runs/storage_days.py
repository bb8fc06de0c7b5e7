"""Bytes that runs moved, by day: what their storage-use artifacts say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from contracts.storage_use import STORAGE_USE, StorageUse
from omero_ui.prefect_api.answers import Artifact
from omero_ui.prefect_api.artifacts import as_json
from omero_ui.prefect_api.connection import PAGE, PrefectApi
from omero_ui.prefect_api.pages import read_pages
from omero_ui.runs.query import visible_since
from omero_ui.visitor import Visitor

#: Runs whose bytes are summed up; Prefect sums none, so each artifact is read.
MOST_SUMMED = 3 * PAGE


class StorageDay(BaseModel):
    """Bytes of the runs that reported on one day of UTC."""

    model_config = ConfigDict(frozen=True)

    begin: datetime
    taken_in: int
    sent_out: int


class StorageDays(BaseModel):
    """Oldest first; `cut`: more runs reported than were summed up, and the older ones are missing."""

    model_config = ConfigDict(frozen=True)

    days: tuple[StorageDay, ...]
    cut: bool

    @property
    def most(self) -> int:
        """Bytes moved on the day that moved the most."""
        return max((day.taken_in + day.sent_out for day in self.days), default=0)

    @property
    def is_empty(self) -> bool:
        return not self.most


def read_storage(prefect: PrefectApi, visitor: Visitor, days: int, now: datetime) -> StorageDays:
    """Of the runs that the visitor may see."""
    body = {
        "artifacts": {"type": {"any_": [STORAGE_USE]}},
        "flow_runs": visible_since(visitor, now - timedelta(days=days)),
        "sort": "UPDATED_DESC",
    }
    pages = read_pages(prefect, "/artifacts/latest/filter", body, most=MOST_SUMMED)
    found = [Artifact.model_validate(item) for item in pages]
    return StorageDays(days=sum_up(found, days, now), cut=len(found) >= MOST_SUMMED)


def sum_up(artifacts: Sequence[Artifact], days: int, now: datetime) -> tuple[StorageDay, ...]:
    """A day for each of the last days, also for those on which nothing was moved."""
    taken: defaultdict[date, int] = defaultdict(int)
    sent: defaultdict[date, int] = defaultdict(int)
    for artifact in artifacts:
        use = StorageUse.model_validate_json(as_json(artifact))
        taken[artifact.updated.date()] += use.taken_in
        sent[artifact.updated.date()] += use.sent_out
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [midnight - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return tuple(StorageDay(begin=begin, taken_in=taken[begin.date()], sent_out=sent[begin.date()]) for begin in begins)
