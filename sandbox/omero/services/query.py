"""omero.api.IQuery: single objects, queries in HQL, projections."""

from __future__ import annotations

import re
from typing import Any

import omero
import omero.api

from sandbox.omero import hql
from sandbox.omero.calls import Call
from sandbox.omero.materialise import Materialiser
from sandbox.omero.model import FieldKind
from sandbox.omero.records import Record
from sandbox.omero.servant import Service, servant
from sandbox.omero.services.full_text import search_full_text
from sandbox.omero.services.wire import (
    QueryParameters,
    class_of,
    find_class,
    find_record,
    load_all,
    load_one,
    need,
    unwrap,
)


@servant(omero.api.IQuery)
class Query(Service):
    """A row that the caller may not read is refused by `get` and `find`, and left out of every list."""

    def get(self, type_name: str, record_id: int, call: Call) -> Any:
        model = find_class(type_name)
        return load_one(call, self._readable(call, need(self.store, model.name, record_id)))

    def find(self, type_name: str, record_id: int, call: Call) -> Any:
        record = self.store.get(find_class(type_name).name, record_id)
        return None if record is None else load_one(call, self._readable(call, record))

    def refresh(self, target: Any, call: Call) -> Any:
        return load_one(call, self._readable(call, find_record(self.store, target)))

    def findAll(self, type_name: str, chosen: Any, call: Call) -> list[Any]:  # noqa: N802
        parameters = QueryParameters.of(omero.sys.Parameters(theFilter=chosen), self.store)
        found = [r for r in self._visible(type_name, call) if parameters.accepts(r)]
        return load_all(call, parameters.cut(found))

    def findByString(self, type_name: str, field_name: str, value: str, call: Call) -> Any:  # noqa: N802
        name = self._scalar(type_name, field_name)
        found = [r for r in self._visible(type_name, call) if r.values.get(name) == value]
        return load_one(call, self._unique(found))

    def findAllByString(
        self,
        type_name: str,
        field_name: str,
        value: str,
        case_sensitive: bool,  # noqa: N802
        chosen: Any,
        call: Call,
    ) -> list[Any]:
        """`%` in the value stands for anything, as in SQL's `like`."""
        matches = _like(value if case_sensitive else value.lower())
        name = self._scalar(type_name, field_name)
        found = []
        for record in self._visible(type_name, call):
            text = record.values.get(name)
            if text is not None and matches.fullmatch(str(text) if case_sensitive else str(text).lower()):
                found.append(record)
        parameters = QueryParameters.of(omero.sys.Parameters(theFilter=chosen), self.store)
        return load_all(call, parameters.cut([r for r in found if parameters.accepts(r)]))

    def findByExample(self, example: Any, call: Call) -> Any:  # noqa: N802
        return load_one(call, self._unique(self._like_example(example, call)))

    def findAllByExample(self, example: Any, chosen: Any, call: Call) -> list[Any]:  # noqa: N802
        parameters = QueryParameters.of(omero.sys.Parameters(theFilter=chosen), self.store)
        return load_all(call, parameters.cut(self._like_example(example, call)))

    def findByQuery(self, query: str, parameters: Any, call: Call) -> Any:  # noqa: N802
        """The one object that the query finds. Raises omero.ApiUsageException where there are several."""
        records, materialiser = self._run(query, parameters, call)
        record = self._unique(list(dict.fromkeys(records)))
        return None if record is None else materialiser.ice(record)

    def findAllByQuery(self, query: str, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        records, materialiser = self._run(query, parameters, call)
        return [materialiser.ice(record) for record in records]

    def findAllByFullText(self, type_name: str, text: str, parameters: Any, call: Call) -> list[Any]:  # noqa: N802
        found = search_full_text(self.store, call.caller, find_class(type_name).name, text)
        return load_all(call, QueryParameters.of(parameters, self.store).cut(found))

    def projection(self, query: str, parameters: Any, call: Call) -> list[list[Any]]:
        self.server.counts.queried(query)
        given = QueryParameters.of(parameters, self.store)
        return hql.project(self.store, call.caller, query, given.named, given.offset, given.limit)

    # ---- inside

    def _run(self, query: str, parameters: Any, call: Call) -> tuple[list[Record], Materialiser]:
        self.server.counts.queried(query)
        given = QueryParameters.of(parameters, self.store)
        return hql.find_all(self.store, call.caller, query, given.named, given.offset, given.limit)

    def _visible(self, type_name: str, call: Call) -> list[Record]:
        return [r for r in self.store.all(find_class(type_name).name) if call.caller.visible(r)]

    def _readable(self, call: Call, record: Record) -> Record:
        if not call.caller.visible(record):
            raise omero.SecurityViolation(None, None, f"Cannot read {record.model.java_name}:Id_{record.id}")
        return record

    def _scalar(self, type_name: str, field_name: str) -> str:
        known = find_class(type_name).fields.get(field_name)
        if known is None or known.kind is not FieldKind.SCALAR:
            raise omero.ApiUsageException(None, None, f"{type_name} has no text field {field_name}")
        return field_name

    def _unique(self, records: list[Record]) -> Record | None:
        if len(records) > 1:
            raise omero.ApiUsageException(
                None,
                "org.hibernate.NonUniqueResultException",
                f"query did not return a unique result: {len(records)}",
            )
        return records[0] if records else None

    def _like_example(self, example: Any, call: Call) -> list[Record]:
        """The visible objects that have every scalar the example has."""
        model = class_of(example)
        wanted = {}
        for known in model.fields.values():
            value = getattr(example, "_" + known.name, None) if known.kind is FieldKind.SCALAR else None
            if value is not None:
                wanted[known.name] = unwrap(value, self.store)
        return [r for r in self.store.find(model.name, **wanted) if call.caller.visible(r)]


def _like(pattern: str) -> re.Pattern[str]:
    """SQL's `like`: `%` stands for any text, `_` for any character."""
    signs = {"%": ".*", "_": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)
