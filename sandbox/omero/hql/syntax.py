"""The syntax tree of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias


class Node:
    """Part of a tree. Nodes are immutable and compare by what they say."""

    __slots__ = ()

    def children(self) -> Iterator[Node]:
        """The nodes directly below, in the order of the query."""
        for field in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, field.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))

    def walk(self, *, into_subqueries: bool = True) -> Iterator[Node]:
        """This node and everything below."""
        yield self
        for child in self.children():
            if into_subqueries or not isinstance(child, Query):
                yield from child.walk(into_subqueries=into_subqueries)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number (Int32 or int), string, boolean or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`:name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`alias.property.property`, a property of the only root, or the name of a class."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """`-x`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`x + y` and the other operators + - * / % ||."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`x = y` and the other operators <> < > <= >=."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class QuantifiedComparison(Node):
    """`x = any (select ...)`; the quantifier is any or all."""

    operator: str
    left: Expression
    quantifier: str
    query: Query


@dataclass(frozen=True, slots=True)
class And(Node):
    """`x and y and ...`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """`x or y or ...`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not x`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """`x is null`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class IsEmpty(Node):
    """`x.collection is empty`."""

    collection: Path


@dataclass(frozen=True, slots=True)
class Like(Node):
    """`x like pattern escape character`."""

    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True, slots=True)
class InList(Node):
    """`x in (a, b, :list)`."""

    operand: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class InQuery(Node):
    """`x in (select ...)`."""

    operand: Expression
    query: Query


@dataclass(frozen=True, slots=True)
class InElements(Node):
    """`x in elements(y.collection)` and `x member of y.collection`."""

    operand: Expression
    collection: Path


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """`exists (select ...)`."""

    query: Query


@dataclass(frozen=True, slots=True)
class ExistsElements(Node):
    """`exists elements(x.collection)`."""

    collection: Path


@dataclass(frozen=True, slots=True)
class When(Node):
    """One branch of a case."""

    condition: Expression
    result: Expression


@dataclass(frozen=True, slots=True)
class Case(Node):
    """`case when ... then ... else ... end`; `case x when 1` is read as `when x = 1`."""

    branches: tuple[When, ...]
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """`cast(x as type)`."""

    operand: Expression
    type_name: str


@dataclass(frozen=True, slots=True)
class Extract(Node):
    """`extract(epoch from x)`."""

    part: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function; the name in lower case."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`count(distinct x)`; the operand of `count(*)` is None."""

    name: str
    distinct: bool
    operand: Expression | None


@dataclass(frozen=True, slots=True)
class ScalarQuery(Node):
    """`(select ...)` as a value."""

    query: Query


@dataclass(frozen=True, slots=True)
class NewMap(Node):
    """`new map(x as name, ...)`."""

    items: tuple[SelectItem, ...]


@dataclass(frozen=True, slots=True)
class NewList(Node):
    """`new list(x, ...)`."""

    items: tuple[SelectItem, ...]


Expression: TypeAlias = (
    Literal
    | Parameter
    | Path
    | Negation
    | Arithmetic
    | Comparison
    | QuantifiedComparison
    | And
    | Or
    | Not
    | IsNull
    | IsEmpty
    | Like
    | InList
    | InQuery
    | InElements
    | Exists
    | ExistsElements
    | Case
    | Cast
    | Extract
    | Call
    | Aggregate
    | ScalarQuery
    | NewMap
    | NewList
)


@dataclass(frozen=True, slots=True)
class SelectItem(Node):
    """One column, with its name where it has one."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Root(Node):
    """`from Image i`, or in a subquery `from image.pixels p`."""

    names: tuple[str, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class Join(Node):
    """`left outer join fetch x.y z with ...`."""

    path: Path
    alias: str | None
    outer: bool
    fetch: bool
    condition: Expression | None


@dataclass(frozen=True, slots=True)
class OrderItem(Node):
    """One key of the order."""

    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query(Node):
    """A whole query; an empty `select` means the roots."""

    select: tuple[SelectItem, ...]
    distinct: bool
    sources: tuple[Root | Join, ...]
    where: Expression | None
    group: tuple[Expression, ...]
    having: Expression | None
    order: tuple[OrderItem, ...]
