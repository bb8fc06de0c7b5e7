"""A compiled query: from, where, group, having, order, select, in that sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sandbox.omero.hql.aggregates import AggregateColumn, group_rows
from sandbox.omero.hql.compiler import Compiler
from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.joins import Fetch, Step
from sandbox.omero.hql.predicates import comparable
from sandbox.omero.hql.shapes import Evaluate, Row, Scope, ShapeKind, Typed
from sandbox.omero.hql.sources import SourceCompiler
from sandbox.omero.hql.syntax import Expression, NewMap, Path, Query

if TYPE_CHECKING:
    from sandbox.omero.hql.statement import Statement


@dataclass(slots=True)
class Result:
    """One row of the answer, with the bound objects it was made from."""

    values: list[Any]
    row: Row


@dataclass(slots=True)
class Plan:
    """A query that is ready to run, any number of times, with rows of the query around it."""

    statement: Statement
    scope: Scope
    steps: list[Step]
    select: list[Typed]
    names: list[str | None]
    distinct: bool
    group: list[Evaluate] = field(default_factory=list)
    columns: list[AggregateColumn] = field(default_factory=list)
    having: Evaluate | None = None
    order: list[tuple[Evaluate, bool]] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)

    @property
    def is_correlated(self) -> bool:
        """Whether it depends on the row of the query around it."""
        return self.scope.is_correlated

    @property
    def is_grouped(self) -> bool:
        return bool(self.group or self.columns)

    def rows(self, outer: Row) -> Iterator[Row]:
        """The combinations that the from and where clauses leave, one at a time."""
        rows: Iterable[Row] = (outer.copy(),)
        for step in self.steps:
            rows = step(rows)
        return iter(rows)

    def ordered_rows(self, outer: Row) -> list[Row]:
        """The rows after grouping, in the order asked for."""
        rows = list(self.rows(outer))
        if self.is_grouped:
            rows = group_rows(rows, self.group, self.columns, outer)
            if self.having is not None:
                rows = [row for row in rows if self.having(row) is True]
        for evaluate, descending in reversed(self.order):
            rows = _sort(rows, evaluate, descending=descending)
        return rows

    def results(self, outer: Row, page: slice = slice(None)) -> list[Result]:
        """The page of the answer; with `distinct`, each combination of values once (before the page is cut)."""
        rows = self.ordered_rows(outer)
        if not self.distinct:
            return [self._select(row) for row in rows[page]]
        unique: dict[Any, Result] = {}
        for result in map(self._select, rows):
            unique.setdefault(_freeze(result.values), result)
        return list(unique.values())[page]

    def _select(self, row: Row) -> Result:
        return Result([item.evaluate(row) for item in self.select], row)

    def first_values(self, outer: Row, at_most: int | None = None) -> list[Any]:
        """The first column, for a query inside another."""
        evaluate = self.select[0].evaluate
        if self.is_grouped or self.distinct or self.order:
            return [result.values[0] for result in islice(self.results(outer), at_most)]
        return [evaluate(row) for row in islice(self.rows(outer), at_most)]

    def has_any(self, outer: Row) -> bool:
        """Whether there is any row; stops at the first."""
        if self.is_grouped:
            return bool(self.results(outer))
        return next(self.rows(outer), None) is not None


def _sort(rows: list[Row], evaluate: Evaluate, *, descending: bool) -> list[Row]:
    """As PostgreSQL: nulls last, first when descending. Texts by code point, not by a language's rules."""
    keyed = [(comparable(evaluate(row)), row) for row in rows]
    absent = [row for key, row in keyed if key is None]
    present = [pair for pair in keyed if pair[0] is not None] if absent else keyed
    try:
        present.sort(key=itemgetter(0), reverse=descending)
    except TypeError as error:
        raise HqlError(f"these values have no order: {error}") from None
    ordered = [row for _, row in present]
    return absent + ordered if descending else ordered + absent


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((key, _freeze(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    return value


def build_plan(statement: Statement, query: Query, around: Scope | None) -> Plan:
    """Compile a query. Raises HqlError for what the model or the language does not have."""
    scope = Scope(around)
    compiler = Compiler(statement, scope)
    sources = SourceCompiler(compiler, query)
    sources.add_aliases()
    names = [item.alias for item in query.select]

    columns: list[AggregateColumn] = []
    compiler.columns = columns
    select = [_compile_selected(compiler, item.expression) for item in query.select]
    if not query.select:
        select = [Typed(_reader(alias.slot), alias.shape) for alias in scope.aliases if alias.is_root]
    having = None if query.having is None else compiler.condition(query.having)
    order = [(_compile_order(compiler, query, item.expression), item.descending) for item in query.order]
    compiler.columns = None
    group = [compiler.compile(expression).evaluate for expression in query.group]

    steps = sources.compile_steps()
    plan = Plan(statement, scope, steps, select, names, query.distinct, group, columns, having, order, sources.fetches)
    if query.having is not None and not plan.is_grouped:
        raise HqlError("having needs groups or aggregates")
    return plan


def _reader(slot: int) -> Evaluate:
    return lambda row: row[slot]


def _compile_selected(compiler: Compiler, expression: Expression) -> Typed:
    typed = compiler.compile(expression, is_selected=True)
    if typed.shape.kind in (ShapeKind.COLLECTION, ShapeKind.ELEMENTS):
        raise HqlError(f"{expression} is a collection: join it to select its members")
    if typed.shape.kind is ShapeKind.NAMED_VALUE:
        raise HqlError(f"{expression} is a named value: select its name and its value")
    return typed


def _compile_order(compiler: Compiler, query: Query, expression: Expression) -> Evaluate:
    """A key of the order: an expression, or the name of a column."""
    if isinstance(expression, Path) and len(expression.names) == 1 and compiler.scope.find(expression.names[0]) is None:
        for item in query.select:
            inner = item.expression.items if isinstance(item.expression, NewMap) else (item,)
            for column in inner:
                if column.alias == expression.names[0]:
                    return compiler.compile(column.expression).evaluate
    typed = compiler.compile(expression)
    if typed.shape.kind not in (ShapeKind.PLAIN, ShapeKind.ENTITY):
        if typed.shape.kind is ShapeKind.QUANTITY:
            quantity = typed.evaluate
            return lambda row: None if (found := quantity(row)) is None else found.value
        raise HqlError(f"{expression} is {typed.shape.kind.value} and has no order")
    return typed.evaluate
