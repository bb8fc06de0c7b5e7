"""Where to begin: candidates for a root by an index instead of the whole table.

A condition such as `l.parent.id = :id` or `d.id in (:ids)` names objects that the row must reach. From
them the planner walks back along references and collections to the root, and only what it finds there is
joined forwards and tested. The walk gives a superset, so it never changes the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.omero.hql.predicates import comparable
from sandbox.omero.hql.shapes import Alias, Row, Scope, ShapeKind
from sandbox.omero.hql.syntax import And, Comparison, Expression, InList, InQuery, Literal, Path
from sandbox.omero.indexes import is_reference_indexed, is_value_indexed
from sandbox.omero.model import Field, FieldKind, ModelClass, load_model
from sandbox.omero.records import Record
from sandbox.omero.store import Store


def split_conditions(where: Expression | None) -> list[Expression]:
    """The parts of a condition that must all hold."""
    if where is None:
        return []
    if isinstance(where, And):
        return [part for operand in where.operands for part in split_conditions(operand)]
    return [where]


#: How many records one record is taken to lead to on a chain: a dataset has about this many images.
_FAN_OUT = 1000


@dataclass(frozen=True, slots=True)
class Seed:
    """A way to a root's candidates: the values wanted at the end of a chain of fields.

    `chain` leads from the root to the object that `ends_at`; `key` is the field whose value is known
    there, None for the object itself or its id.
    """

    chain: tuple[tuple[ModelClass, Field], ...]
    ends_at: ModelClass
    key: Field | None
    values: Callable[[Row], Iterable[Any]]

    def wanted(self, row: Row) -> list[Any]:
        """The values to be found at the chain's end, without nulls."""
        return [value for value in self.values(row) if value is not None]

    def cost(self, store: Store, wanted: list[Any]) -> int:
        """About how many records the way leads through; only to compare seeds with each other."""
        if self.key is None:
            ends = len(wanted)
        else:
            ends = sum(store.count_indexed(self.ends_at, self.key.name, value) for value in wanted)
        return ends * (_FAN_OUT if self.chain else 1)

    def candidates(self, store: Store, wanted: list[Any]) -> list[Record]:
        """The root's candidates, by id."""
        found: dict[Record, None] = {}
        for value in wanted:
            if self.key is not None:
                found.update(dict.fromkeys(store.find_indexed(self.ends_at, self.key.name, value) or ()))
            elif isinstance(comparable(value), int):
                target = store.get(self.ends_at.name, comparable(value))
                if target is not None:
                    found[target] = None
        for model, field in reversed(self.chain):
            found = {source: None for target in found for source in _step_back(store, model, field, target)}
        return sorted(found, key=lambda record: record.id)


def _step_back(store: Store, model: ModelClass, field: Field, target: Record) -> Iterable[Record]:
    if field.kind is FieldKind.COLLECTION:
        owner = target.values.get(field.inverse or "")
        return () if owner is None else (owner,)
    return store.find_indexed(model, field.name, target) or ()


def find_seeds(
    conditions: Iterable[tuple[Expression, Callable[[Expression], Callable[[Row], Iterable[Any]] | None]]],
    scope: Scope,
    root: Alias,
) -> list[Seed]:
    """The seeds for a root.

    Each condition comes with a function that compiles the other side, if that side is known before the
    root is bound, to the values it can have.
    """
    return [
        seed
        for condition, compile_values in conditions
        for path, other in _equations(condition)
        if (seed := _make_seed(scope, root, path, other, compile_values)) is not None
    ]


def find_candidates(seeds: list[Seed], store: Store, row: Row) -> list[Record]:
    """The candidates by the cheapest of the seeds."""
    if len(seeds) == 1:
        return seeds[0].candidates(store, seeds[0].wanted(row))
    ways = [(seed, seed.wanted(row)) for seed in seeds]
    best, wanted = min(ways, key=lambda way: way[0].cost(store, way[1]))
    return best.candidates(store, wanted)


def _equations(condition: Expression) -> Iterator[tuple[Path, Expression]]:
    match condition:
        case Comparison("=", left, right):
            null = Literal(None)  # "= null" is read as "is null"
            if isinstance(left, Path) and right != null:
                yield left, right
            if isinstance(right, Path) and left != null:
                yield right, left
        case InList(Path() as path, _) | InQuery(Path() as path, _):
            yield path, condition
        case _:
            return


def _make_seed(
    scope: Scope,
    root: Alias,
    path: Path,
    other: Expression,
    compile_values: Callable[[Expression], Callable[[Row], Iterable[Any]] | None],
) -> Seed | None:
    expanded = _expand(scope, root, path.names)
    if expanded is None or root.shape.model is None:
        return None
    chain: list[tuple[ModelClass, Field]] = []
    model, key = root.shape.model, None
    for position, name in enumerate(expanded):
        is_last = position == len(expanded) - 1
        if name == "id" and is_last:
            break
        field = model.find_field(name)
        if field is None:
            return None
        is_pair_value = field.kind is FieldKind.VALUE and expanded[position + 1 :] == ("value",)
        if (is_last or is_pair_value) and is_value_indexed(model, name):
            key = field
            break
        if field.kind is FieldKind.COLLECTION or is_reference_indexed(field):
            chain.append((model, field))
            model = load_model()[field.type]
        else:
            return None
    values = compile_values(other)
    return None if values is None else Seed(tuple(chain), model, key, values)


def _expand(scope: Scope, root: Alias, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The path as seen from the root, through the joins in between; None where it starts elsewhere."""
    alias = next((a for a in scope.aliases if a.name == names[0]), None)
    if alias is None:
        first = next((a for a in scope.aliases if a.is_root), None)
        is_property = (
            first is root
            and root.shape.kind is ShapeKind.ENTITY
            and root.shape.model is not None
            and scope.find(names[0]) is None
            and (names[0] == "id" or root.shape.model.find_field(names[0]) is not None)
        )
        return names if is_property else None
    rest = names[1:]
    while alias is not root:
        if alias.came_from is None:
            return None
        alias, joined = alias.came_from
        rest = (*joined, *rest)
    return rest
