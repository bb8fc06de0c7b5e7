"""Records as the omero.model objects that a client receives.

As Hibernate does: what the query fetched or selected is loaded, every other object is a proxy that
knows its id alone, and collections nobody fetched are unloaded. Within one Materialiser a record is
always the same Ice object, so that back references hold. Objects carry the caller's permissions:
one Materialiser per call, and nothing it made may be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import omero.model
from omero import rtypes

from sandbox.omero.model import FieldKind
from sandbox.omero.permissions import Caller
from sandbox.omero.records import DETAIL_NAMES, Int32, Milliseconds, NamedValue, Quantity, Record
from sandbox.omero.store import Store, StoreError

_WRAP: dict[str, Callable[[Any], Any]] = {
    "RString": rtypes.rstring,
    "RInt": rtypes.rint,
    "RLong": rtypes.rlong,
    "RDouble": rtypes.rdouble,
    "RBool": rtypes.rbool,
    "RTime": rtypes.rtime,
}


def version_of(record: Record) -> int:
    """The number that an object which can change has for optimistic locking; another one after each change.

    OMERO.server counts the changes. Here it is the id of the event that made the last one.
    """
    return 0 if record.update_event is None else record.update_event.id


class Materialiser:
    """Makes omero.model objects of records: first say what is loaded, then call `ice`."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self._store = store
        self._caller = caller
        self._objects: dict[Record, Any] = {}
        self._loaded: set[Record] = set()
        self._collections: dict[Record, dict[str, dict[Record, None]]] = {}
        self._event: Any = None

    # -- what is loaded

    def load(self, record: Record | None) -> None:
        """The record comes with its fields."""
        if record is not None:
            self._loaded.add(record)

    def load_collection(self, record: Record, field_name: str) -> None:
        """The collection comes loaded with every visible member, each of them loaded."""
        self.begin_collection(record, field_name)
        for member in self._store.collection(record, field_name):
            if self._caller.visible(member):
                self.add_to_collection(record, field_name, member)

    def begin_collection(self, record: Record, field_name: str) -> None:
        """The collection comes loaded, with the members that `add_to_collection` gives it."""
        self._loaded.add(record)
        self._collections.setdefault(record, {}).setdefault(field_name, {})

    def add_to_collection(self, record: Record, field_name: str, member: Record) -> None:
        self.begin_collection(record, field_name)
        self._loaded.add(member)
        self._collections[record][field_name][member] = None

    def load_path(self, record: Record, path: str) -> None:
        """Load along a path ('pixels.channels.logicalChannel', 'details.owner'); collections with all members.

        Raises StoreError for a name that the model does not know.
        """
        self.load(record)
        heads = [record]
        names = path.split(".")
        while names:
            name = names.pop(0)
            if name == "details":
                if not names:
                    return
                detail = DETAIL_NAMES.get(names[0])
                if detail is None:
                    raise StoreError(f"{record.model.name} has no detail {names[0]} (in the path {path})")
                names.pop(0)
                heads = [found for head in heads if (found := getattr(head, detail)) is not None]
            else:
                heads = [found for head in heads for found in self._step(head, name, path)]
            for head in heads:
                self.load(head)

    def _step(self, record: Record, name: str, path: str) -> list[Record]:
        field = record.model.fields.get(name)
        if field is None:
            if record.model.name != record.model.root and name in self._store.model(record.model.root).subtype_fields:
                return []  # a field of a sibling class
            raise StoreError(f"{record.model.name} has no field {name} (in the path {path})")
        if field.kind is FieldKind.REFERENCE:
            target = record.values.get(name)
            return [] if target is None else [target]
        if field.kind is FieldKind.COLLECTION:
            self.load_collection(record, name)
            return list(self._collections[record][name])
        raise StoreError(f"{record.model.name}.{name} is not an object to load (in the path {path})")

    # -- the objects

    def ice(self, record: Record | None) -> Any:
        """The omero.model object of the record; None for None."""
        if record is None:
            return None
        made = self._objects.get(record)
        if made is not None:
            return made
        if record not in self._loaded:
            made = self._objects[record] = record.model.ice_class(record.id, False)
            return made
        made = self._objects[record] = record.model.ice_class(record.id, True)
        if hasattr(made, "unloadCollections"):
            made.unloadCollections()
        if hasattr(made, "_version"):
            made._version = rtypes.rint(version_of(record))
        fetched = self._collections.get(record, {})
        values = record.values
        for field in record.model.fields.values():
            name = field.name
            if field.kind is FieldKind.COLLECTION:
                members = fetched.get(name)
                if members is not None:
                    setattr(made, f"_{name}Loaded", True)
                    setattr(made, f"_{name}Seq", [self.ice(member) for member in members])
                continue
            value = values.get(name)
            if value is not None:
                setattr(made, "_" + name, self._field_value(field.kind, field.type, value))
            elif field.kind is not FieldKind.VALUE:
                setattr(made, "_" + name, None)
        made._details = self._details(record)
        return made

    def _field_value(self, kind: FieldKind, type_name: str, value: Any) -> Any:
        match kind:
            case FieldKind.SCALAR:
                return _WRAP[type_name](value)
            case FieldKind.REFERENCE:
                return self.ice(value)
            case FieldKind.QUANTITY:
                return make_quantity(value)
            case FieldKind.VALUE:
                return make_plain_value(value)
            case FieldKind.COLLECTION | FieldKind.EMBEDDED:
                raise TypeError(f"{type_name} is not a value of a record")

    def _details(self, record: Record) -> Any:
        if self._caller.all_groups and record.group is not None:
            # To ask whether an object of any group may be read, OMERO loads its group (BasicACLVoter.allowLoad).
            self.load(record.group)
        details = omero.model.DetailsI()
        for ice_name, name in DETAIL_NAMES.items():
            setattr(details, "_" + ice_name, self.ice(getattr(record, name)))
        details._permissions = self._caller.permissions(record)
        details._call = dict(self._caller.call_context)
        if self._event is None and self._caller.event_context is not None:
            self._event = self._caller.event_context()
        details._event = self._event
        return details

    def details(self, record: Record) -> Any:
        """The DetailsI of a record, for projections that select `x.details`."""
        return self.ice(record)._details if record in self._loaded else self._details(record)

    def value(self, value: Any) -> Any:
        """One cell of a projection as an RType. Records are loaded. Raises TypeError for what no RType holds."""
        match value:
            case None:
                return None
            case Record():
                self.load(value)
                return rtypes.robject(self.ice(value))
            case bool():
                return rtypes.rbool(value)
            case Milliseconds():
                return rtypes.rtime(int(value))
            case Int32():
                return rtypes.rint(int(value))
            case int():
                return rtypes.rlong(value)
            case float():
                return rtypes.rdouble(value)
            case str():
                return rtypes.rstring(value)
            case Quantity():
                made = make_quantity(value)
                return rtypes.rmap(
                    {
                        "value": rtypes.rdouble(value.value),
                        "unit": rtypes.rstring(value.unit),
                        "symbol": rtypes.rstring(made.getSymbol()),
                    }
                )
            case NamedValue():
                raise TypeError(f"no wire type for the pair {value!r}")
            case omero.model.Details():
                return rtypes.rinternal(value)
            case bytes():
                return rtypes.rlist([rtypes.rint(byte) for byte in value])
            case Mapping():
                return rtypes.rmap({str(key): self.value(item) for key, item in value.items()})
            case list() | tuple():
                return rtypes.rlist([self.value(item) for item in value])
            case _:
                raise TypeError(f"no wire type for {value!r}")


def make_quantity(quantity: Quantity) -> Any:
    """The LengthI, TimeI, ... of a quantity."""
    return getattr(omero.model, quantity.type_name + "I")(quantity.value, quantity.unit)


def make_plain_value(value: Any) -> Any:
    """The wire's form of a VALUE field: named values as objects, strings and bytes as they are."""
    if isinstance(value, NamedValue):
        return omero.model.NamedValue(value.name, value.value)
    if isinstance(value, tuple):
        return [make_plain_value(item) for item in value]
    return value
