"""What is known of a value before any row is read, and the names that a query can use.

Shapes let a query be refused by name ("Image has no property nmae") even where no row would reach the
mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.model import Field, ModelClass
from sandbox.omero.records import Record

#: The bound objects of one combination, by slot; every alias of a statement has a slot of its own.
Row: TypeAlias = list[Any]

#: A compiled expression. None is null; a condition gives True, False or None (unknown).
Evaluate: TypeAlias = Callable[[Row], Any]


class ShapeKind(Enum):
    """What sort of value an expression has."""

    ENTITY = "an object"
    COLLECTION = "a collection"
    ELEMENTS = "a list of values"  # MapAnnotation.mapValue, Namespace.keywords
    NAMED_VALUE = "a named value"
    DETAILS = "details"
    PERMISSIONS = "permissions"
    QUANTITY = "a quantity"
    PLAIN = "a plain value"  # scalars, and everything computed


@dataclass(frozen=True, slots=True)
class Shape:
    """`model`: of an entity, or of a collection's owner. `field`: of a collection or list of values."""

    kind: ShapeKind
    model: ModelClass | None = None
    field: Field | None = None


PLAIN = Shape(ShapeKind.PLAIN)


class DetailsOf(NamedTuple):
    """`x.details` as a value."""

    record: Record


class PermissionsOf(NamedTuple):
    """`x.details.permissions` as a value."""

    record: Record


@dataclass(frozen=True, slots=True)
class Typed:
    """A compiled expression and its shape."""

    evaluate: Evaluate
    shape: Shape = PLAIN


@dataclass(slots=True)
class Alias:
    """A name of the from clause. `is_root`: its properties may be written without it.

    `came_from` is the alias and the path by which it was joined; None for roots.
    """

    name: str | None
    slot: int
    shape: Shape
    is_root: bool = False
    came_from: tuple[Alias, tuple[str, ...]] | None = None


@dataclass(slots=True)
class Requirement:
    """An implicit inner join: rows where the path ends in nothing are dropped."""

    evaluate: Evaluate
    slots: frozenset[int]


@dataclass(slots=True)
class Scope:
    """The aliases of one query; those of the query around it are found through `parent`."""

    parent: Scope | None = None
    aliases: list[Alias] = field(default_factory=list)
    requirements: dict[tuple[int, tuple[str, ...]], Requirement] = field(default_factory=dict)
    is_correlated: bool = False
    #: slots that were read since the last call of `forget_reads`
    _reads: set[int] = field(default_factory=set)

    def add(self, alias: Alias) -> None:
        if alias.name is not None and any(known.name == alias.name for known in self.aliases):
            raise HqlError(f"the alias {alias.name} is used twice")
        self.aliases.append(alias)

    def find(self, name: str) -> Alias | None:
        """The alias of that name, here or around."""
        found = self._search(lambda alias: alias.name == name)
        return found[0] if found else None

    def find_owner(self, name: str, owns: Callable[[ModelClass], bool]) -> Alias | None:
        """The root whose class passes the test, here or around: the owner of the property `name` without an alias.

        Raises HqlError where two roots of one query could be meant.
        """
        found = self._search(
            lambda alias: (
                alias.is_root
                and alias.shape.model is not None
                and alias.shape.kind is ShapeKind.ENTITY
                and owns(alias.shape.model)
            )
        )
        if len(found) > 1:
            raise HqlError(f"{name} could belong to {' or to '.join(str(alias.name) for alias in found)}: say whose")
        return found[0] if found else None

    def _search(self, wanted: Callable[[Alias], bool]) -> list[Alias]:
        """What is wanted in the nearest query that has any of it; that it is read is noted on the way."""
        passed: list[Scope] = []
        for scope in self._outwards():
            found = [alias for alias in scope.aliases if wanted(alias)]
            if found:
                for inner in passed:
                    inner.is_correlated = True
                for reader in (*passed, scope):
                    reader._reads.update(alias.slot for alias in found)
                return found
            passed.append(scope)
        return []

    def _outwards(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def forget_reads(self) -> None:
        """Begin anew to note which slots are read."""
        self._reads.clear()

    def reads(self) -> frozenset[int]:
        """The slots that were read since then."""
        return frozenset(self._reads)
