"""No record refers to one that is gone: tested when a transaction ends, as a database tests foreign keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sandbox.omero.indexes import Indexes
from sandbox.omero.records import Record
from sandbox.omero.store_errors import DanglingReferenceError

_DETAIL_REFERENCES = ("owner", "group", "creation_event", "update_event", "external_info")
_DETAIL_ROOTS = frozenset({"Experimenter", "ExperimenterGroup", "Event", "ExternalInfo"})


def refuse_dangling(deleted: Collection[Record], indexes: Indexes, tables: Mapping[str, Mapping[int, Record]]) -> None:
    """Raises DanglingReferenceError, naming the referrer, if anything refers to a deleted record."""
    for record in deleted:
        for field_name, referrer in indexes.find_referrers(record):
            raise DanglingReferenceError(f"{record} cannot be deleted: {referrer}.{field_name} refers to it")
    # details and enumerations have no index: few of them are ever deleted
    details = {record for record in deleted if record.model.root in _DETAIL_ROOTS}
    enumerations = {record for record in deleted if record.model.is_enumeration}
    if details or enumerations:
        everything = (record for table in tables.values() for record in table.values())
        _refuse_unindexed(everything, details, enumerations)


def _refuse_unindexed(records: Iterable[Record], details: Collection[Record], enumerations: Collection[Record]) -> None:
    for record in records:
        for name in _DETAIL_REFERENCES:
            if getattr(record, name) in details:
                raise DanglingReferenceError(f"{getattr(record, name)} cannot be deleted: it is the {name} of {record}")
        if enumerations:
            for name, value in record.values.items():
                if isinstance(value, Record) and value in enumerations:
                    raise DanglingReferenceError(f"{value} cannot be deleted: {record}.{name} refers to it")
