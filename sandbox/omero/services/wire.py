"""What clients send, as the store's records and Python values; and records as what clients get."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import omero
import omero.rtypes

from sandbox.omero.calls import Call
from sandbox.omero.materialise import Materialiser
from sandbox.omero.model import ModelClass, load_model
from sandbox.omero.records import Int32, Milliseconds, Record
from sandbox.omero.store import Store


def find_class(name: str) -> ModelClass:
    """The model class that a client names: `Image`, `ome.model.core.Image`, `ImageI`, `::omero::model::Image`.

    Raises omero.ApiUsageException for a name that is no class of OMERO's model.
    """
    model = load_model()
    last = name.replace("::", ".").rpartition(".")[2]
    found = model.get(last) or (model.get(last[:-1]) if last.endswith("I") else None)
    if found is None:
        raise omero.ApiUsageException(None, None, f"Unknown type: {name}")
    return found


def class_of(ice_object: Any) -> ModelClass:
    """The model class of an object that a client sent."""
    return find_class(str(ice_object.ice_staticId()))


def find_record(store: Store, ice_object: Any) -> Record:
    """The stored record of an object that a client sent.

    Raises omero.ApiUsageException where the object has no id, omero.ValidationException where there is no such row.
    """
    model = class_of(ice_object)
    if ice_object.id is None:
        raise omero.ApiUsageException(None, None, f"{model.name} has no id")
    return need(store, model.name, ice_object.id.val)


def need(store: Store, type_name: str, record_id: int) -> Record:
    """The record. Raises omero.ValidationException where there is none."""
    record = store.get(type_name, record_id)
    if record is None:
        raise omero.ValidationException(
            None, None, f"No row with the given identifier exists: [{type_name}#{record_id}]"
        )
    return record


def load_all(call: Call, records: Iterable[Record], paths: Sequence[str] = ()) -> list[Any]:
    """The records as loaded omero.model objects, with what the paths (`pixels.channels`) lead to."""
    materialiser = Materialiser(call.server.store, call.caller)
    wanted = list(records)
    for record in wanted:
        materialiser.load(record)
        for path in paths:
            materialiser.load_path(record, path)
    return [materialiser.ice(record) for record in wanted]


def load_one(call: Call, record: Record | None, paths: Sequence[str] = ()) -> Any:
    """One record as a loaded object; None for None."""
    return None if record is None else load_all(call, [record], paths)[0]


def unwrap(value: Any, store: Store) -> Any:
    """An RType as the Python value or record that queries compare with. None stays None."""
    match value:
        case None:
            return None
        case omero.RInt():
            return Int32(value.val)
        case omero.RTime():
            return Milliseconds(value.val)
        case omero.RObject():
            return None if value.val is None else find_record(store, value.val)
        case omero.RList() | omero.RSet() | omero.RArray():
            return [unwrap(item, store) for item in value.val or []]
        case omero.RMap():
            return {key: unwrap(item, store) for key, item in (value.val or {}).items()}
    return value.val


@dataclass(frozen=True)
class QueryParameters:
    """An omero.sys.Parameters taken apart."""

    named: dict[str, Any] = field(default_factory=dict)
    offset: int | None = None
    limit: int | None = None
    owner: int | None = None
    group: int | None = None
    start_time: int | None = None
    end_time: int | None = None
    leaves: bool = False
    orphans: bool = False

    @classmethod
    def of(cls, parameters: Any, store: Store) -> QueryParameters:
        if parameters is None:
            return cls()
        named = {name: unwrap(value, store) for name, value in (parameters.map or {}).items()}
        chosen, options = parameters.theFilter, parameters.theOptions
        return cls(
            named,
            offset=_plain(chosen, "offset"),
            limit=_plain(chosen, "limit"),
            owner=_plain(chosen, "ownerId"),
            group=_plain(chosen, "groupId"),
            start_time=_plain(chosen, "startTime"),
            end_time=_plain(chosen, "endTime"),
            leaves=bool(_plain(options, "leaves")),
            orphans=bool(_plain(options, "orphan")),
        )

    def cut(self, records: list[Record]) -> list[Record]:
        """The page of the records that offset and limit name."""
        start = self.offset or 0
        return records[start:] if self.limit is None else records[start : start + self.limit]

    def accepts(self, record: Record) -> bool:
        """Whether the record's owner, group and creation time are what the filter asks for."""
        if self.owner is not None and self.owner >= 0 and (record.owner is None or record.owner.id != self.owner):
            return False
        if self.group is not None and self.group >= 0 and (record.group is None or record.group.id != self.group):
            return False
        if self.start_time is None and self.end_time is None:
            return True
        event = record.creation_event
        moment = event.values.get("time") if event is not None else None
        if moment is None:
            return False
        return (self.start_time is None or moment >= self.start_time) and (
            self.end_time is None or moment <= self.end_time
        )


def _plain(holder: Any, name: str) -> Any:
    value = getattr(holder, name, None)
    return None if value is None else value.val
