"""omero.api.Search: one search after another, with results in batches."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import omero
import omero.api

from sandbox.omero import hql
from sandbox.omero.calls import Call
from sandbox.omero.records import Record
from sandbox.omero.servant import StatefulService, servant
from sandbox.omero.services.full_text import search_full_text
from sandbox.omero.services.wire import QueryParameters, find_class, load_all

_DEFAULT_TYPES = ("Project", "Dataset", "Image", "Screen", "Plate")


@servant(omero.api.Search)
class Search(StatefulService):
    """Settings made on a search count for the queries that follow, until they are reset."""

    def __init__(self, *owner: Any) -> None:
        super().__init__(*owner)
        self._queries: list[list[Record]] = []
        self._reset()

    def _reset(self) -> None:
        self._types: tuple[str, ...] = ()
        self._batch_size = 1000
        self._merged = self._case_sensitive = self._leading_wildcard = self._unloaded = self._projections = False
        self._ids: frozenset[int] | None = None
        self._owner: int | None = None
        self._not_owner: int | None = None
        self._created: tuple[int | None, int | None] = (None, None)
        self._order: list[tuple[str, bool]] = []

    # ---- settings

    def resetDefaults(self, call: Call) -> None:  # noqa: N802
        self._reset()

    def setBatchSize(self, size: int, call: Call) -> None:  # noqa: N802
        if size < 1:
            raise omero.ApiUsageException(None, None, f"a batch of {size} results")
        self._batch_size = size

    def getBatchSize(self, call: Call) -> int:  # noqa: N802
        return self._batch_size

    def setMergedBatches(self, merged: bool, call: Call) -> None:  # noqa: N802
        self._merged = merged

    def isMergedBatches(self, call: Call) -> bool:  # noqa: N802
        return self._merged

    def setCaseSensitive(self, sensitive: bool, call: Call) -> None:  # noqa: N802
        """Kept and told again; words are compared without regard to case, as OMERO.server's index does."""
        self._case_sensitive = sensitive

    def setCaseSentivice(self, sensitive: bool, call: Call) -> None:  # noqa: N802
        self._case_sensitive = sensitive

    def isCaseSensitive(self, call: Call) -> bool:  # noqa: N802
        return self._case_sensitive

    def setAllowLeadingWildcard(self, allowed: bool, call: Call) -> None:  # noqa: N802
        self._leading_wildcard = allowed

    def isAllowLeadingWildcard(self, call: Call) -> bool:  # noqa: N802
        return self._leading_wildcard

    def setReturnUnloaded(self, unloaded: bool, call: Call) -> None:  # noqa: N802
        self._unloaded = unloaded

    def isReturnUnloaded(self, call: Call) -> bool:  # noqa: N802
        return self._unloaded

    def setUseProjections(self, use: bool, call: Call) -> None:  # noqa: N802
        self._projections = use

    def isUseProjections(self, call: Call) -> bool:  # noqa: N802
        return self._projections

    def onlyType(self, type_name: str, call: Call) -> None:  # noqa: N802
        self._types = (find_class(type_name).name,)

    def onlyTypes(self, type_names: list[str], call: Call) -> None:  # noqa: N802
        self._types = tuple(find_class(name).name for name in type_names)

    def allTypes(self, call: Call) -> None:  # noqa: N802
        self._types = _DEFAULT_TYPES

    def onlyIds(self, ids: list[int], call: Call) -> None:  # noqa: N802
        self._ids = None if ids is None else frozenset(ids)

    def onlyOwnedBy(self, details: Any, call: Call) -> None:  # noqa: N802
        self._owner = _owner_of(details)

    def notOwnedBy(self, details: Any, call: Call) -> None:  # noqa: N802
        self._not_owner = _owner_of(details)

    def onlyCreatedBetween(self, start: Any, end: Any, call: Call) -> None:  # noqa: N802
        self._created = (start.val if start is not None else None, end.val if end is not None else None)

    def addOrderByAsc(self, field_name: str, call: Call) -> None:  # noqa: N802
        self._order.append((field_name, False))

    def addOrderByDesc(self, field_name: str, call: Call) -> None:  # noqa: N802
        self._order.append((field_name, True))

    def unordered(self, call: Call) -> None:
        self._order.clear()

    # ---- searching

    def byFullText(self, query: str, call: Call) -> None:  # noqa: N802
        self._search(call, query, (), lambda record: self._is_created_between(record, *self._created))

    def byLuceneQueryBuilder(
        self,
        fields: str,
        start: str,
        end: str,
        date_type: str,
        query: str,  # noqa: N802
        call: Call,
    ) -> None:
        """Search in the fields (comma-separated; all if empty), made or acquired from day to day (`YYYYMMDD`)."""
        names = tuple(name.strip() for name in (fields or "").split(",") if name.strip())
        period = (_day(start, False), _day(end, True))
        acquired = (date_type or "").endswith("acquisitionDate")

        def accepts(record: Record) -> bool:
            if acquired and record.model.name == "Image":
                return _lies_between(record.values.get("acquisitionDate"), *period)
            return self._is_created_between(record, *period)

        self._search(call, query, names, accepts)

    def byHqlQuery(self, query: str, parameters: Any, call: Call) -> None:  # noqa: N802
        with self.store.lock:
            given = QueryParameters.of(parameters, self.store)
            found, _ = hql.find_all(self.store, call.caller, query, given.named, given.offset, given.limit)
            self._queries.append(found)

    def _search(self, call: Call, query: str, fields: tuple[str, ...], accepts: Callable[[Record], bool]) -> None:
        if not self._types:
            raise omero.ApiUsageException(None, None, "name a type first: onlyType or allTypes")
        if not self._leading_wildcard and any(word[:1] in "*?" for word in query.split()):
            raise omero.ApiUsageException(None, None, f"{query} caused a parse exception: leading wildcard")
        with self.store.lock:
            found = []
            for type_name in self._types:
                records = search_full_text(self.store, call.caller, type_name, query, fields)
                found += [r for r in records if self._is_wanted(r) and accepts(r)]
            for field_name, descending in reversed(self._order):
                found.sort(key=lambda record: _sort_key(record, field_name), reverse=descending)
        self._queries.append(found)

    def _is_wanted(self, record: Record) -> bool:
        owner = record.owner.id if record.owner is not None else None
        return (
            (self._ids is None or record.id in self._ids)
            and (self._owner is None or owner == self._owner)
            and (self._not_owner is None or owner != self._not_owner)
        )

    def _is_created_between(self, record: Record, start: int | None, end: int | None) -> bool:
        event = record.creation_event
        return _lies_between(event.values.get("time") if event is not None else None, start, end)

    # ---- results

    def activeQueries(self, call: Call) -> int:  # noqa: N802
        return len(self._queries)

    def clearQueries(self, call: Call) -> None:  # noqa: N802
        self._queries.clear()

    def hasNext(self, call: Call) -> bool:  # noqa: N802
        while self._queries and not self._queries[0]:
            self._queries.pop(0)
        return bool(self._queries)

    def next(self, call: Call) -> Any:
        return self._take(1, call)[0]

    def results(self, call: Call) -> list[Any]:
        return self._take(self._batch_size, call)

    def _take(self, count: int, call: Call) -> list[Any]:
        if not self.hasNext(call):
            raise omero.ApiUsageException(None, None, "No further results: call hasNext first")
        batch, self._queries[0] = self._queries[0][:count], self._queries[0][count:]
        with self.store.lock:
            if self._unloaded:
                return [record.model.ice_class(record.id, False) for record in batch]
            return load_all(call, batch, ["details.owner", "details.creationEvent"])


def _owner_of(details: Any) -> int | None:
    return details.owner.id.val if details is not None and details.owner is not None else None


def _lies_between(moment: int | None, start: int | None, end: int | None) -> bool:
    if start is None and end is None:
        return True
    return moment is not None and (start is None or moment >= start) and (end is None or moment <= end)


def _day(text: str | None, at_end: bool) -> int | None:
    """The first or last millisecond of the day `YYYYMMDD`, in the server's time zone."""
    if not text:
        return None
    try:
        day = datetime.datetime.strptime(text, "%Y%m%d")
    except ValueError as error:
        raise omero.ApiUsageException(None, None, f"{text} is no day, for example 20260131") from error
    day += datetime.timedelta(days=int(at_end))
    return int(time.mktime(day.timetuple()) * 1000) - int(at_end)


def _sort_key(record: Record, field_name: str) -> tuple[bool, Any]:
    value = record.id if field_name == "id" else record.values.get(field_name)
    return value is None, value if value is not None else 0
