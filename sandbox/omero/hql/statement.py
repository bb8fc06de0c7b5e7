"""One execution of a query: its parameters, its slots, and the plans of the queries inside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.plan import Plan, build_plan
from sandbox.omero.hql.shapes import Row, Scope
from sandbox.omero.hql.syntax import Query
from sandbox.omero.permissions import Caller
from sandbox.omero.store import Store


class Statement:
    """What every part of one execution shares."""

    def __init__(self, store: Store, caller: Caller, parameters: Mapping[str, Any]) -> None:
        self.store = store
        self.caller = caller
        self._parameters = parameters
        self._slots = 0

    def parameter(self, name: str) -> Any:
        """The value given for `:name`. Raises HqlError where none was."""
        if name not in self._parameters:
            raise HqlError(f"no value for the parameter :{name}")
        return self._parameters[name]

    def take_slot(self) -> int:
        """A place in the rows that nothing else uses."""
        self._slots += 1
        return self._slots - 1

    def blank_row(self) -> Row:
        """A row with nothing bound; to be made when everything is compiled."""
        return [None] * self._slots

    def plan(self, query: Query, around: Scope | None = None) -> Plan:
        """Compile a query; `around` is the scope of the query it stands in."""
        return build_plan(self, query, around)
