"""The store's indexes: who refers to a record, and which records have a value.

Most entries have one member, so an entry is the record itself until a second one comes; that keeps the
indexes of some hundred thousand records small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from sandbox.omero.model import Field, FieldKind, ModelClass, load_model
from sandbox.omero.records import Record

#: Fields by whose value clients look objects up. By root class: an index holds its subclasses too.
INDEXED_FIELDS = frozenset(
    {
        ("Experimenter", "omeName"),
        ("ExperimenterGroup", "name"),
        ("Session", "uuid"),
        ("OriginalFile", "path"),
        ("OriginalFile", "name"),
        ("FilesetEntry", "clientPath"),
        ("Annotation", "ns"),
        ("Image", "name"),
        ("Dataset", "name"),
        ("Project", "name"),
        ("Annotation", "mapValue"),
    }
)

Entry: TypeAlias = "Record | dict[Record, None]"


def is_reference_indexed(field: Field) -> bool:
    """Enumerations have every object of a kind as a referrer and are never asked for them: not indexed."""
    return field.kind is FieldKind.REFERENCE and not load_model()[field.type].is_enumeration


def is_value_indexed(model: ModelClass, field_name: str) -> bool:
    """Whether queries reach records of the class by this field without a scan.

    A list of named values (MapAnnotation.mapValue) is indexed by the values of its pairs.
    """
    return (model.root, field_name) in INDEXED_FIELDS or (model.is_enumeration and field_name == "value")


class Index:
    """Members by key; a key is a value or the record referred to."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[Any, Entry] = {}

    def add(self, key: Any, member: Record) -> None:
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = member
        elif isinstance(entry, dict):
            entry[member] = None
        elif entry is not member:
            self._entries[key] = {entry: None, member: None}

    def discard(self, key: Any, member: Record) -> None:
        entry = self._entries.get(key)
        if entry is member:
            del self._entries[key]
        elif isinstance(entry, dict):
            entry.pop(member, None)
            if len(entry) == 1:
                self._entries[key] = next(iter(entry))

    def members(self, key: Any) -> list[Record]:
        entry = self._entries.get(key)
        if entry is None:
            return []
        return list(entry) if isinstance(entry, dict) else [entry]

    def count(self, key: Any) -> int:
        entry = self._entries.get(key)
        return 0 if entry is None else len(entry) if isinstance(entry, dict) else 1

    def snapshot(self) -> dict[Any, frozenset[Record]]:
        """The content with no regard to order, for comparing in tests."""
        return {key: frozenset(self.members(key)) for key in self._entries}


class Indexes:
    """Every index of a store, by root class and field."""

    def __init__(self) -> None:
        self._references: dict[tuple[str, str], Index] = {}
        self._values: dict[tuple[str, str], Index] = {}
        self._by_class: dict[ModelClass, dict[str, Index]] = {}
        #: which reference indexes can hold referrers of an object, by the object's class
        self._pointing_at: dict[ModelClass, list[tuple[str, str]]] = {}

    def of(self, model: ModelClass) -> dict[str, Index]:
        """The indexes that a record of the class belongs to, by field name."""
        indexes = self._by_class.get(model)
        if indexes is None:
            indexes = self._by_class[model] = {}
            for field in model.fields.values():
                if is_reference_indexed(field):
                    indexes[field.name] = self.references(model.root, field.name)
                elif is_value_indexed(model, field.name):
                    indexes[field.name] = self.values(model.root, field.name)
        return indexes

    def references(self, root: str, field_name: str) -> Index:
        """Referrers by the record they refer to."""
        return self._references.setdefault((root, field_name), Index())

    def values(self, root: str, field_name: str) -> Index:
        """Records by the value they have."""
        return self._values.setdefault((root, field_name), Index())

    def add(self, record: Record) -> None:
        """Put a record into every index its values ask for."""
        for name in self.of(record.model):
            self.add_value(record, name, record.values.get(name))

    def discard(self, record: Record) -> None:
        """Take a record out of every index."""
        for name in self.of(record.model):
            self.discard_value(record, name, record.values.get(name))

    def add_value(self, record: Record, field_name: str, value: Any) -> None:
        """The field has the value from now on; nothing happens where it is not indexed, or for None."""
        index = self.of(record.model).get(field_name)
        if index is None or value is None:
            return
        if isinstance(value, tuple):
            for text in {pair.value for pair in value}:
                index.add(text, record)
        else:
            index.add(value, record)

    def discard_value(self, record: Record, field_name: str, value: Any) -> None:
        """The field has the value no longer."""
        index = self.of(record.model).get(field_name)
        if index is None or value is None:
            return
        if isinstance(value, tuple):
            for text in {pair.value for pair in value}:
                index.discard(text, record)
        else:
            index.discard(value, record)

    def find_referrers(self, target: Record) -> Iterator[tuple[str, Record]]:
        """(field name, referrer) of every indexed reference to the record."""
        model = target.model
        pointing = self._pointing_at.get(model)
        if pointing is None:
            pointing = self._pointing_at[model] = sorted(
                {
                    (c.root, f.name)
                    for c in load_model().values()
                    for f in c.fields.values()
                    if is_reference_indexed(f) and f.type in model.supertypes
                }
            )
        for root, field_name in pointing:
            index = self._references.get((root, field_name))
            if index is not None:
                for referrer in index.members(target):
                    yield field_name, referrer

    def snapshot(self) -> dict[tuple[str, str], dict[Any, frozenset[Record]]]:
        """The content with no regard to order, for comparing in tests."""
        both = {**self._references, **self._values}
        return {key: content for key, index in both.items() if (content := index.snapshot())}
