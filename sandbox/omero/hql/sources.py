"""Compiles the from and where clauses: roots, joins, and each condition as early as it can be tested."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.omero.hql.compiler import Compiler, compute_once
from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.joins import (
    Fetch,
    Step,
    bind_root,
    element_shape,
    join_many,
    join_one,
    join_quantity,
    keep,
    keep_present,
)
from sandbox.omero.hql.paths import resolve_path, walk
from sandbox.omero.hql.planner import find_candidates, find_seeds, split_conditions
from sandbox.omero.hql.shapes import Alias, Evaluate, Row, Shape, ShapeKind, Typed
from sandbox.omero.hql.syntax import Expression, InList, InQuery, Join, Query, Root
from sandbox.omero.model import find_class


class SourceCompiler:
    """Compiles one query's sources; `add_aliases` first, the steps when all else is compiled."""

    def __init__(self, compiler: Compiler, query: Query) -> None:
        self._compiler = compiler
        self._statement = compiler.statement
        self._scope = compiler.scope
        self._query = query
        self._sources: list[tuple[Root | Join, Alias, Typed | None]] = []
        self.fetches: list[Fetch] = []

    # -- names

    def add_aliases(self) -> None:
        """Give every source its alias, shape and slot."""
        for source in self._query.sources:
            if isinstance(source, Root):
                self._add_root(source)
            else:
                self._add_join(source)

    def _add_root(self, source: Root) -> None:
        model = find_class(source.names[-1])
        if (
            model is not None
            and model.name == source.names[-1]
            and (len(source.names) == 1 or source.names[0] in ("ome", "omero"))
        ):
            if "IObject" not in model.supertypes or model.name == "IObject":
                raise HqlError(f"{model.name} is not mapped: nothing can be selected from it")
            shape, members = Shape(ShapeKind.ENTITY, model), None
        elif self._scope.find(source.names[0]) is not None:
            members = resolve_path(self._statement, self._scope, source.names)
            shape = element_shape(members.shape, ".".join(source.names))
        else:
            raise HqlError(f"{'.'.join(source.names)} is not mapped")
        alias = Alias(source.alias, self._statement.take_slot(), shape, is_root=True)
        self._scope.add(alias)
        self._sources.append((source, alias, members))

    def _add_join(self, source: Join) -> None:
        path = source.path
        known = dict(self._scope.requirements)
        joined = resolve_path(self._statement, self._scope, path.names)
        if source.outer:
            # on the way of an outer join Hibernate's implicit joins are outer joins too
            self._scope.requirements = known
        start = self._scope.find(path.names[0])
        came_from = None if start is None or len(path.names) == 1 else (start, path.names[1:])
        if start is None:
            root = next(alias for alias in self._scope.aliases if alias.is_root)
            came_from = (root, path.names)
        if came_from is None:
            raise HqlError(f"{path} is an alias and cannot be joined")
        alias = Alias(
            source.alias, self._statement.take_slot(), element_shape(joined.shape, str(path)), came_from=came_from
        )
        self._scope.add(alias)
        self._sources.append((source, alias, joined))
        if source.fetch:
            owner, names = came_from
            is_collection = joined.shape.kind is ShapeKind.COLLECTION
            self.fetches.append(
                Fetch(
                    alias.slot,
                    walk(self._statement, self._scope, owner, names[:-1]).evaluate if is_collection else None,
                    names[-1] if is_collection else None,
                )
            )

    # -- steps

    def compile_steps(self) -> list[Step]:
        """Bind, join and test, in that order of need."""
        tests = self._compile_tests()
        own = {alias.slot for alias in self._scope.aliases}
        steps: list[Step] = []
        bound: set[int] = set()

        def test_what_is_bound() -> None:
            for test in [test for test in tests if test[1] & own <= bound]:
                tests.remove(test)
                steps.append(test[0])

        for source, alias, joined in self._sources:
            if isinstance(source, Root):
                candidates = self._collection_members(joined) if joined else self._candidates(alias, set(bound))
                steps.append(bind_root(alias.slot, candidates))
            else:
                assert joined is not None
                steps.append(self._join_step(source, alias, joined))
            bound.add(alias.slot)
            test_what_is_bound()
        if tests:
            raise HqlError("a condition uses an alias that the from clause does not bind")
        return steps

    def _join_step(self, source: Join, alias: Alias, joined: Typed) -> Step:
        condition = None if source.condition is None else self._compiler.condition(source.condition)
        if joined.shape.kind is ShapeKind.QUANTITY:
            return join_quantity(alias.slot, joined)
        if joined.shape.kind is ShapeKind.ENTITY:
            return join_one(alias.slot, joined, self._statement.caller.visible, condition, outer=source.outer)
        return join_many(alias.slot, joined, condition, outer=source.outer)

    def _compile_tests(self) -> list[tuple[Step, frozenset[int]]]:
        """Every part of the where clause, and every implicit inner join, with the slots it reads."""
        tests: list[tuple[Step, frozenset[int]]] = []
        for condition in split_conditions(self._query.where):
            self._scope.forget_reads()
            evaluate = self._compiler.condition(condition)
            tests.append((keep(evaluate), self._scope.reads()))
        joins = [
            (keep_present(requirement.evaluate), requirement.slots) for requirement in self._scope.requirements.values()
        ]
        return joins + tests

    def _collection_members(self, joined: Typed) -> Callable[[Row], Iterable[Any]]:
        """`from image.pixels p` in a query inside another."""
        if joined.shape.kind is ShapeKind.ENTITY:
            return lambda row: () if (one := joined.evaluate(row)) is None else (one,)
        return lambda row: joined.evaluate(row) or ()

    def _candidates(self, alias: Alias, bound: set[int]) -> Callable[[Row], Iterable[Any]]:
        store, visible, model = self._statement.store, self._statement.caller.visible, alias.shape.model
        assert model is not None

        def compile_values(other: Expression) -> Callable[[Row], Iterable[Any]] | None:
            return self._compile_values(other, bound)

        seeds = find_seeds(
            ((condition, compile_values) for condition in split_conditions(self._query.where)), self._scope, alias
        )
        if not seeds:
            name = model.name
            return lambda row: (record for record in store.all(name) if visible(record))
        subtypes = model.subtypes

        def candidates(row: Row) -> Iterable[Any]:
            return [
                record
                for record in find_candidates(seeds, store, row)
                if record.model.name in subtypes and visible(record)
            ]

        return candidates

    def _compile_values(self, other: Expression, bound: set[int]) -> Callable[[Row], Iterable[Any]] | None:
        """The values of an equation's other side, where they are known with these slots bound."""
        compiler, own = self._compiler, {alias.slot for alias in self._scope.aliases}
        if isinstance(other, InQuery):
            plan = self._statement.plan(other.query, self._scope)
            return None if plan.is_correlated else compute_once(plan.first_values)
        items = other.items if isinstance(other, InList) else (other,)
        self._scope.forget_reads()
        compiled: list[Evaluate] = [compiler.compile(item).evaluate for item in items]
        if self._scope.reads() & own - bound:
            return None

        def values(row: Row) -> Iterable[Any]:
            for evaluate in compiled:
                value = evaluate(row)
                if isinstance(value, (list, tuple, set, frozenset)):
                    yield from value
                else:
                    yield value

        return values
