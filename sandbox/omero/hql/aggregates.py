"""count, max, min, sum, avg over groups of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.predicates import comparable
from sandbox.omero.hql.shapes import Evaluate, Row


@dataclass(frozen=True, slots=True)
class AggregateColumn:
    """One aggregate of a query; its result is put into the group's row at `slot`. `count(*)` has no operand."""

    name: str
    distinct: bool
    operand: Evaluate | None
    slot: int

    def compute(self, rows: Sequence[Row]) -> Any:
        """The aggregate of the rows; nulls do not count, and of nothing only count is not null.

        Raises HqlError for values that cannot be added or compared.
        """
        if self.operand is None:
            return len(rows)
        values = [value for row in rows if (value := self.operand(row)) is not None]
        if self.distinct:
            values = list({comparable(value): value for value in values}.values())
        if self.name == "count":
            return len(values)
        if not values:
            return None
        try:
            match self.name:
                case "max":
                    return max(values, key=comparable)
                case "min":
                    return min(values, key=comparable)
                case "sum":
                    return sum(values)
                case "avg":
                    return sum(values) / len(values)
        except TypeError as error:
            raise HqlError(f"{self.name}() of these values is not possible: {error}") from None
        raise HqlError(f"the aggregate {self.name} is not known")


def group_rows(
    rows: Sequence[Row], keys: Sequence[Evaluate], columns: Sequence[AggregateColumn], blank: Row
) -> list[Row]:
    """One row per group, the group's first with the aggregates put in. Without keys everything is one group."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    if keys:
        for row in rows:
            groups.setdefault(tuple(comparable(key(row)) for key in keys), []).append(row)
    else:
        groups[()] = list(rows)
    grouped = []
    for members in groups.values():
        representative = list(members[0] if members else blank)
        for column in columns:
            representative[column.slot] = column.compute(members)
        grouped.append(representative)
    return grouped
