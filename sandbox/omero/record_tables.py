"""The records of a store by class and id, and the ways from one to others: the reading half of the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sandbox.omero.indexes import Indexes, is_reference_indexed, is_value_indexed
from sandbox.omero.model import Field, FieldKind, ModelClass, load_model
from sandbox.omero.records import Record
from sandbox.omero.store_errors import UnknownClassError, UnknownFieldError


class RecordTables:
    """A table per root class, and the indexes. Read under the store's lock."""

    def __init__(self) -> None:
        self._model = load_model()
        self._tables: dict[str, dict[int, Record]] = defaultdict(dict)
        self._indexes = Indexes()

    def model(self, type_name: str) -> ModelClass:
        """The class. Raises UnknownClassError."""
        try:
            return self._model[type_name]
        except KeyError:
            raise UnknownClassError(f"no class {type_name} in OMERO's model") from None

    def get(self, type_name: str, id: int) -> Record | None:
        """The record of that class (or a subclass) with that id."""
        model = self.model(type_name)
        record = self._tables[model.root].get(int(id))
        return record if record is not None and record.model.name in model.subtypes else None

    def all(self, type_name: str) -> list[Record]:
        """Every record of the class and its subclasses, by id."""
        model = self.model(type_name)
        table = self._tables[model.root]
        members: Iterable[Record] = table.values()
        if model.name != model.root:
            members = (record for record in members if record.model.name in model.subtypes)
        return sorted(members, key=_id_of)

    def count(self, type_name: str) -> int:
        """How many records of the class and its subclasses there are."""
        model = self.model(type_name)
        if model.name == model.root:
            return len(self._tables[model.root])
        return sum(1 for record in self._tables[model.root].values() if record.model.name in model.subtypes)

    def collection(self, record: Record, field_name: str) -> list[Record]:
        """The members of a collection: by their position where the collection is ordered, else by id."""
        field = self._field(record.model, field_name)
        if field.kind is not FieldKind.COLLECTION or field.inverse is None:
            raise UnknownFieldError(f"{record.model.name}.{field_name} is not a collection")
        members = self.referrers(field.type, field.inverse, record)
        if field.ordered and any(member.position is not None for member in members):
            members.sort(key=_place_of)
        return members

    def referrers(self, type_name: str, field_name: str, target: Record) -> list[Record]:
        """The records of the class whose reference is `target`, by id."""
        model = self.model(type_name)
        field = model.find_field(field_name)
        if field is None or field.kind is not FieldKind.REFERENCE:
            raise UnknownFieldError(f"{type_name}.{field_name} is not a reference")
        if not is_reference_indexed(field):
            return [r for r in self.all(type_name) if r.values.get(field_name) is target]
        members = self._indexes.references(model.root, field_name).members(target)
        if model.name != model.root:
            members = [member for member in members if member.model.name in model.subtypes]
        members.sort(key=_id_of)
        return members

    def count_referrers(self, type_name: str, field_name: str, target: Record) -> int:
        """The length of `referrers`, cheaper where the class is not a subclass."""
        model = self.model(type_name)
        field = model.find_field(field_name)
        if field is not None and model.name == model.root and is_reference_indexed(field):
            return self._indexes.references(model.root, field_name).count(target)
        return len(self.referrers(type_name, field_name, target))

    def find(self, type_name: str, **equal: Any) -> list[Record]:
        """The records whose fields equal the values (None: is null), by id; by an index where there is one."""
        model = self.model(type_name)
        for name in equal:
            self._field(model, name)
        candidates = None
        for name, value in equal.items():
            is_list = isinstance(value, (list, tuple))  # lists are indexed by their elements
            if value is not None and not is_list and (found := self.find_indexed(model, name, value)) is not None:
                candidates = found
                break
        if candidates is None:
            candidates = self.all(type_name)
        return [r for r in candidates if all(r.values.get(name) == value for name, value in equal.items())]

    def find_indexed(self, model: ModelClass, field_name: str, value: Any) -> list[Record] | None:
        """The records of the class with the value or reference, by id; None where no index can tell.

        For a list of named values: those with a pair of that value.
        """
        field = model.find_field(field_name)
        if field is None:
            return None
        if is_reference_indexed(field):
            index = self._indexes.references(model.root, field_name)
        elif is_value_indexed(model, field_name):
            index = self._indexes.values(model.root, field_name)
        else:
            return None
        return sorted((r for r in index.members(value) if r.model.name in model.subtypes), key=_id_of)

    def count_indexed(self, model: ModelClass, field_name: str, value: Any) -> int:
        """How many records of the class's root have the value, where it is indexed: an estimate that costs nothing."""
        return self._indexes.values(model.root, field_name).count(value)

    def _field(self, model: ModelClass, name: str) -> Field:
        field = model.fields.get(name)
        if field is None:
            raise UnknownFieldError(f"{model.name} has no field {name}")
        return field

    def _is_present(self, record: Record) -> bool:
        """Whether the record is in the database: not deleted, and of this store."""
        return self._tables[record.model.root].get(record.id) is record


def _id_of(record: Record) -> int:
    return record.id


def _place_of(record: Record) -> tuple[bool, int, int]:
    return record.position is None, record.position or 0, record.id
