"""Functions of collections: size, index, minIndex, maxIndex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.paths import walk
from sandbox.omero.hql.shapes import Row, ShapeKind, Typed
from sandbox.omero.hql.syntax import Call, Path
from sandbox.omero.records import Int32

if TYPE_CHECKING:
    from sandbox.omero.hql.compiler import Compiler

_FUNCTIONS = frozenset({"size", "index", "minindex", "maxindex"})


def is_collection_function(name: str) -> bool:
    """Whether the function takes a collection, or an alias that was joined from one."""
    return name in _FUNCTIONS


def compile_collection_function(compiler: Compiler, node: Call) -> Typed:
    """Compile a call. Raises HqlError where the argument has no size or no order."""
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Path):
        raise HqlError(f"{node.name}() takes one path")
    path = node.arguments[0]
    if node.name == "index":
        return _compile_index(compiler, path)
    if node.name != "size" and compiler.names_joined_member(path):
        # of a joined alias they are aggregates over the rows: min(index(alias))
        return compiler.aggregate(node.name.removesuffix("index"), _compile_index(compiler, path).evaluate)
    collection = compiler.collection(path)
    members = collection.evaluate
    if node.name == "size":
        return Typed(lambda row: Int32(len(members(row) or ())))
    field = collection.shape.field
    if collection.shape.kind is ShapeKind.COLLECTION and (field is None or not field.ordered):
        raise HqlError(f"{node.name}({path}): the collection has no order")

    def bound(row: Row) -> Any:
        count = len(members(row) or ())
        if count == 0:
            return None
        return Int32(0 if node.name == "minindex" else count - 1)

    return Typed(bound)


def _compile_index(compiler: Compiler, path: Path) -> Typed:
    """`index(alias)`: the place of a joined object in the ordered collection it was joined from."""
    alias = compiler.scope.find(path.names[0])
    if alias is None or alias.came_from is None or len(path.names) > 1:
        raise HqlError(f"index({path}): not an alias of a joined collection")
    source, names = alias.came_from
    collection = walk(compiler.statement, compiler.scope, source, names)
    field = collection.shape.field
    if collection.shape.kind is ShapeKind.ELEMENTS or field is None or not field.ordered:
        raise HqlError(f"index({path}): {'.'.join(names)} has no order")
    owner = walk(compiler.statement, compiler.scope, source, names[:-1]).evaluate
    slot, ordered, name = alias.slot, compiler.statement.store.collection, field.name

    def place(row: Row) -> Any:
        member, parent = row[slot], owner(row)
        return None if member is None or parent is None else Int32(ordered(parent, name).index(member))

    return Typed(place)
