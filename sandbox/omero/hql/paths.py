"""Paths: `image.details.owner.omeName`, compiled against the model.

Hibernate's rule that clients rely on: walking through a reference is an inner join. `image.fileset.name`
drops the images without a fileset; `image.fileset.id` and `image.fileset is null` do not, because the
foreign key is in the image's own row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.shapes import (
    PLAIN,
    Alias,
    DetailsOf,
    Evaluate,
    PermissionsOf,
    Requirement,
    Row,
    Scope,
    Shape,
    ShapeKind,
    Typed,
)
from sandbox.omero.model import Field, FieldKind, ModelClass, find_class, load_model
from sandbox.omero.records import DETAIL_NAMES, Int32

if TYPE_CHECKING:
    from sandbox.omero.hql.statement import Statement

_TYPE_OF_DETAIL = {
    "owner": "Experimenter",
    "group": "ExperimenterGroup",
    "creationEvent": "Event",
    "updateEvent": "Event",
    "externalInfo": "ExternalInfo",
}

_OWN_NAMES = frozenset({"id", "details", "class", "version"})
_GROUP_OF_NOTHING = -52  # what an object without a group shows, see permissions.py

#: From the object of one step to the next.
_Getter = Callable[[Any], Any]


def resolve_path(statement: Statement, scope: Scope, names: tuple[str, ...], *, is_selected: bool = False) -> Typed:
    """Compile a path; the name of a class is its Java name.

    `is_selected`: an object at the end is selected, which joins it (null and unreadable objects drop the
    row). Raises HqlError for an unknown alias or property, or a walk through a collection.
    """
    alias, rest = _find_start(scope, names)
    if alias is None:
        named = find_class(names[-1])
        if named is not None and named.name == names[-1] and (len(names) == 1 or names[0] in ("ome", "omero")):
            java_name = named.java_name
            return Typed(lambda row: java_name)
        raise HqlError(f"unknown alias or property {'.'.join(names)}")
    return walk(statement, scope, alias, rest, is_selected=is_selected)


def _find_start(scope: Scope, names: tuple[str, ...]) -> tuple[Alias | None, tuple[str, ...]]:
    alias = scope.find(names[0])
    if alias is not None:
        return alias, names[1:]
    owner = scope.find_owner(names[0], lambda model: names[0] in _OWN_NAMES or model.find_field(names[0]) is not None)
    return owner, names


def walk(
    statement: Statement, scope: Scope, alias: Alias, names: tuple[str, ...], *, is_selected: bool = False
) -> Typed:
    """Compile a path that starts at an alias."""
    shape, getters = alias.shape, list[_Getter]()
    position = 0
    while position < len(names):
        step = 2 if names[position] == "details" and position + 1 < len(names) else 1
        name = ".".join(names[position : position + step])
        if shape.kind is ShapeKind.ENTITY and getters and name not in ("id", "class"):
            _require(scope, alias, names[:position], _compose(alias.slot, list(getters)))
        shape, getter = _step(statement, shape, name, ".".join(names))
        getters.append(getter)
        position += step
    evaluate = _compose(alias.slot, getters)
    if is_selected and getters and shape.kind is ShapeKind.ENTITY:
        visible = statement.caller.visible

        def readable(row: Row) -> Any:
            record = evaluate(row)
            return record if record is not None and visible(record) else None

        _require(scope, alias, (*names, "(selected)"), readable)
    return Typed(evaluate, shape)


def _require(scope: Scope, alias: Alias, names: tuple[str, ...], evaluate: Evaluate) -> None:
    scope.requirements.setdefault((alias.slot, names), Requirement(evaluate, frozenset({alias.slot})))


def _compose(slot: int, getters: list[_Getter]) -> Evaluate:
    match getters:
        case []:
            return lambda row: row[slot]
        case [only]:

            def one(row: Row) -> Any:
                value = row[slot]
                return None if value is None else only(value)

            return one
        case _:

            def many(row: Row) -> Any:
                value = row[slot]
                for getter in getters:
                    if value is None:
                        return None
                    value = getter(value)
                return value

            return many


def _step(statement: Statement, shape: Shape, name: str, path: str) -> tuple[Shape, _Getter]:
    match shape.kind:
        case ShapeKind.ENTITY:
            assert shape.model is not None
            return _entity_step(statement, shape.model, name, path)
        case ShapeKind.QUANTITY if name in ("value", "unit"):
            return PLAIN, lambda quantity: getattr(quantity, name)
        case ShapeKind.NAMED_VALUE if name in ("name", "value"):
            return PLAIN, lambda pair: getattr(pair, name)
        case ShapeKind.PERMISSIONS if name == "perm1":
            return PLAIN, _perm1
        case ShapeKind.COLLECTION | ShapeKind.ELEMENTS:
            if name == "size":
                return PLAIN, lambda members: Int32(len(members))
            raise HqlError(f"{path}: illegal attempt to dereference a collection with {name}; join it")
        case _:
            raise HqlError(f"{path}: {shape.kind.value} has no property {name}")


def _entity_step(statement: Statement, model: ModelClass, name: str, path: str) -> tuple[Shape, _Getter]:
    match name:
        case "id":
            return PLAIN, lambda record: record.id
        case "class":
            return PLAIN, lambda record: record.model.java_name
        case "version":
            return PLAIN, lambda record: Int32(0)
        case "details":
            return Shape(ShapeKind.DETAILS), DetailsOf
        case "details.permissions":
            return Shape(ShapeKind.PERMISSIONS), PermissionsOf
    head, _, detail = name.partition(".")
    if head == "details":
        if detail not in DETAIL_NAMES:
            raise HqlError(f"{path}: details have no property {detail}")
        if model.is_global and detail != "externalInfo":
            raise HqlError(
                f"could not resolve property: {detail} of the details of {model.java_name}, which belongs to nobody"
            )
        attribute = DETAIL_NAMES[detail]
        return Shape(ShapeKind.ENTITY, load_model()[_TYPE_OF_DETAIL[detail]]), lambda record: getattr(record, attribute)
    field = model.find_field(name)
    if field is None:
        raise HqlError(f"could not resolve property: {name} of: {model.java_name} (in {path})")
    return _field_step(statement, model, field, path)


def _field_step(statement: Statement, model: ModelClass, field: Field, path: str) -> tuple[Shape, _Getter]:
    name = field.name
    match field.kind:
        case FieldKind.SCALAR:
            return PLAIN, lambda record: record.values.get(name)
        case FieldKind.REFERENCE:
            return Shape(ShapeKind.ENTITY, load_model()[field.type]), lambda record: record.values.get(name)
        case FieldKind.QUANTITY:
            return Shape(ShapeKind.QUANTITY), lambda record: record.values.get(name)
        case FieldKind.VALUE:
            if field.type == "ByteSeq":
                return PLAIN, lambda record: record.values.get(name)
            return Shape(ShapeKind.ELEMENTS, model, field), lambda record: record.values.get(name, ())
        case FieldKind.COLLECTION:
            collection, visible = statement.store.collection, statement.caller.visible

            def members(record: Any) -> list[Any]:
                if name not in record.model.fields:
                    return []  # of a sibling class
                return [member for member in collection(record, name) if visible(member)]

            return Shape(ShapeKind.COLLECTION, model, field), members
        case FieldKind.EMBEDDED:
            raise HqlError(f"{path}: {name} cannot be asked for")


def _perm1(permissions: PermissionsOf) -> int:
    record = permissions.record
    group = record if record.model.name == "ExperimenterGroup" else record.group
    return _GROUP_OF_NOTHING if group is None or group.permissions is None else group.permissions
