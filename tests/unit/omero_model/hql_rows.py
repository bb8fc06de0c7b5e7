"""Answers to queries as plain Python."""

from __future__ import annotations

from typing import Any

from omero import rtypes

from sandbox.omero.hql import find_all, project
from sandbox.omero.records import Record
from tests.unit.omero_model.small_database import Database


def plain(value: Any) -> Any:
    """An RType as Python, with omero.model objects as 'Class:id'."""
    if isinstance(value, rtypes.RMapI):
        return {key: plain(item) for key, item in value.getValue().items()}
    if isinstance(value, rtypes.RListI):
        return [plain(item) for item in value.getValue()]
    if isinstance(value, rtypes.RObjectI):
        return f"{type(value.getValue()).__name__[:-1]}:{value.getValue().id.val}"
    return None if value is None else value.getValue()


def rows(
    database: Database,
    query: str,
    *page: int,
    user: str = "alice",
    group: str = "lab",
    all_groups: bool = False,
    **parameters: Any,
) -> list[list[Any]]:
    caller = database.caller(user, group, all_groups=all_groups)
    return [[plain(value) for value in row] for row in project(database.store, caller, query, parameters, *page)]


def column(database: Database, query: str, *page: int, **options: Any) -> list[Any]:
    """The only column."""
    return [value for (value,) in rows(database, query, *page, **options)]


def objects(database: Database, query: str, *page: int, **parameters: Any) -> list[Record]:
    return find_all(database.store, database.caller(), query, parameters, *page)[0]
