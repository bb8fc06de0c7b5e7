"""The two questions of clients: objects (`find_all`) and projections (`project`).

Hibernate's rules that clients rely on: a fetch join of a collection gives each object once (OMERO always
limits its queries, which makes Hibernate do so), a plain join gives it once per combination; only what is
selected or fetched comes loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.parser import parse
from sandbox.omero.hql.plan import Plan, Result
from sandbox.omero.hql.shapes import DetailsOf, PermissionsOf, Row, ShapeKind
from sandbox.omero.hql.statement import Statement
from sandbox.omero.materialise import Materialiser
from sandbox.omero.permissions import Caller
from sandbox.omero.records import Record
from sandbox.omero.store import Store

#: A map's key that asks for the permissions of the object selected under it (OMERO's own addition).
PERMISSIONS_SUFFIX = "_details_permissions"


def find_all(
    store: Store,
    caller: Caller,
    query: str,
    parameters: Mapping[str, Any],
    offset: int | None = None,
    limit: int | None = None,
) -> tuple[list[Record], Materialiser]:
    """The objects a query selects, and the materialiser that knows what of them is loaded.

    Call under the store's lock. Raises HqlError, naming what is not known.
    """
    plan, blank = _compile(store, caller, query, parameters)
    if plan.select[0].shape.kind is not ShapeKind.ENTITY:
        raise HqlError("the query selects values, not objects; use a projection")
    results = plan.results(blank)
    found = [result.values[0] for result in results]
    if plan.distinct or any(fetch.is_collection for fetch in plan.fetches):
        found = list(dict.fromkeys(found))
    found = found[_page(offset, limit)]
    materialiser = Materialiser(store, caller)
    returned = set(found)
    for result in results:
        if result.values[0] in returned:
            _load(materialiser, plan, result)
    return found, materialiser


def project(
    store: Store,
    caller: Caller,
    query: str,
    parameters: Mapping[str, Any],
    offset: int | None = None,
    limit: int | None = None,
) -> list[list[Any]]:
    """The rows a query selects, each a list of RTypes (None is null).

    Call under the store's lock. Raises HqlError, naming what is not known.
    """
    plan, blank = _compile(store, caller, query, parameters)
    results = plan.results(blank, _page(offset, limit))
    materialiser = Materialiser(store, caller)
    for result in results:
        _load(materialiser, plan, result)
        for value in result.values:
            _load_selected(materialiser, value)
    return [[_cell(materialiser, caller, value) for value in result.values] for result in results]


def _compile(store: Store, caller: Caller, query: str, parameters: Mapping[str, Any]) -> tuple[Plan, Row]:
    """The plan, and the blank row to run it with."""
    try:
        statement = Statement(store, caller, parameters)
        plan = statement.plan(parse(query))
    except RecursionError:
        raise HqlError("the query is nested too deeply") from None
    return plan, statement.blank_row()


def _page(offset: int | None, limit: int | None) -> slice:
    start = max(offset or 0, 0)
    return slice(start, None if limit is None else start + max(limit, 0))


def _load(materialiser: Materialiser, plan: Plan, result: Result) -> None:
    """Mark what this row selected and fetched as loaded."""
    for value in result.values:
        if isinstance(value, Record):
            materialiser.load(value)
    for fetch in plan.fetches:
        fetched = result.row[fetch.slot]
        if fetch.collection is None or fetch.owner is None:
            if isinstance(fetched, Record):
                materialiser.load(fetched)
            continue
        owner = fetch.owner(result.row)
        if owner is not None:
            materialiser.begin_collection(owner, fetch.collection)
            if fetched is not None:
                materialiser.add_to_collection(owner, fetch.collection, fetched)


def _load_selected(materialiser: Materialiser, value: Any) -> None:
    if isinstance(value, Record):
        materialiser.load(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.endswith(PERMISSIONS_SUFFIX):
                _load_selected(materialiser, item)
    elif isinstance(value, list):
        for item in value:
            _load_selected(materialiser, item)


def _cell(materialiser: Materialiser, caller: Caller, value: Any) -> Any:
    return materialiser.value(_plain(materialiser, caller, value))


def _plain(materialiser: Materialiser, caller: Caller, value: Any) -> Any:
    """A selected value as the materialiser takes it."""
    match value:
        case PermissionsOf(record):
            return caller.permission_map(record)
        case DetailsOf(record):
            return materialiser.details(record)
        case dict():
            return {
                key: caller.permission_map(item)
                if key.endswith(PERMISSIONS_SUFFIX) and isinstance(item, Record)
                else _plain(materialiser, caller, item)
                for key, item in value.items()
            }
        case list():
            return [_plain(materialiser, caller, item) for item in value]
        case _:
            return value
