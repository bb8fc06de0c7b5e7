"""OMERO's database, in memory: records, their indexes, and transactions that are durable when they end.

Everything is kept in memory, because a query walks references; what is committed is written beneath to
SQLite (journal.py) before `transaction()` returns, so an answered call survives the process's death. A
power cut can lose the last answered calls, but never leaves half of one.
"""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from sandbox.omero.enumerations import CLOSED_ENUMERATIONS, create_enumerations
from sandbox.omero.field_values import check_value
from sandbox.omero.integrity import refuse_dangling
from sandbox.omero.journal import Journal
from sandbox.omero.model import Field
from sandbox.omero.record_tables import RecordTables
from sandbox.omero.records import DETAILS, Record
from sandbox.omero.store_errors import (
    AbsentRecordError,
    DanglingReferenceError,
    StoreError,
    UnknownClassError,
    UnknownEnumerationError,
    UnknownFieldError,
    WrongValueError,
)

__all__ = [
    "AbsentRecordError",
    "DanglingReferenceError",
    "Store",
    "StoreError",
    "UnknownClassError",
    "UnknownEnumerationError",
    "UnknownFieldError",
    "WrongValueError",
]


class Store(RecordTables):
    """The objects of one embedded OMERO.

    Readers take `lock`; writers use `transaction()`, which holds it. Writing outside a transaction makes
    one of its own. `path` None keeps everything in memory alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.lock = RLock()
        self._sequences: dict[str, int] = defaultdict(int)
        self._settings: dict[str, Any] = {}
        self._depth = 0
        self._undo: list[Callable[[], None]] = []
        self._touched: dict[Record, None] = {}
        self._touched_settings: set[str] = set()
        self._journal = None if path is None else Journal(path)
        if self._journal is not None:
            self._load(self._journal)
        if not self._sequences:
            create_enumerations(self)

    def close(self) -> None:
        """Close the journal. The store must not be written to afterwards."""
        with self.lock:
            if self._journal is not None:
                self._journal.close()

    # -- small values

    def setting(self, name: str) -> Any:
        """A value kept by `remember`; None where there is none."""
        return self._settings.get(name)

    # -- writing

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """All or nothing: an exception undoes every change made inside, and is raised again.

        The outermost transaction writes to disk before it ends; if that fails, memory is rolled back too.
        A nested transaction joins the outer one, but its own failure undoes its own changes alone.
        """
        with self.lock:
            mark = len(self._undo)
            self._depth += 1
            try:
                yield self
                if self._depth == 1:
                    self._commit()
            except BaseException:
                self._roll_back(mark)
                raise
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._undo.clear()
                    self._touched.clear()
                    self._touched_settings.clear()

    def create(
        self,
        type_name: str,
        /,
        *,
        owner: Record | None,
        group: Record | None,
        event: Record | None,
        id: int | None = None,
        **values: Any,
    ) -> Record:
        """Make a record. `values` by field name; None is the same as leaving out.

        A field that is called as a detail is (`GroupExperimenterMap.owner`, `EventLog.event`) is assigned
        afterwards with `assign`. Raises UnknownClassError, UnknownFieldError, WrongValueError.
        """
        model = self.model(type_name)
        if model.is_abstract:
            raise WrongValueError(f"{type_name} is abstract: it has no objects of its own")
        for detail in (owner, group, event):
            if detail is not None:
                self._refuse_absent(detail)
        with self.transaction():
            table, before = self._tables[model.root], self._sequences[model.root]
            if id is None:
                id = before + 1
            elif id in table:
                raise WrongValueError(f"there is a {model.root} with the id {id} already")
            record = Record(model, id)
            record.owner, record.group = owner, group
            record.creation_event = record.update_event = event
            if model.name == "ExperimenterGroup":
                record.permissions = _NEW_GROUP_PERMISSIONS
            table[id] = record
            self._sequences[model.root] = max(before, id)
            self._touched[record] = None

            def undo() -> None:
                self._indexes.discard(record)
                del table[record.id]
                self._sequences[model.root] = before

            self._undo.append(undo)
            for name, value in values.items():
                self.assign(record, name, value)
        return record

    def assign(self, record: Record, field_name: str, value: Any) -> None:
        """Set a field other than a collection; None clears it. Raises UnknownFieldError, WrongValueError."""
        field = self._field(record.model, field_name)
        value = check_value(record.model, field, value)
        if isinstance(value, Record):
            self._refuse_absent(value)
        values = record.values
        old = values.get(field_name)
        if old is value or (type(old) is type(value) and old == value):
            return
        with self.transaction():
            self._put(record, field, old, value)
            self._undo.append(lambda: self._put(record, field, value, old))
            self._touched[record] = None

    def assign_detail(self, record: Record, detail: str, value: Any) -> None:
        """Set owner, group, creation_event, update_event, external_info (records) or permissions (a number)."""
        if detail not in DETAILS:
            raise UnknownFieldError(f"no detail {detail}: there are {', '.join(DETAILS)}")
        expected = int if detail == "permissions" else Record
        if value is not None and not isinstance(value, expected):
            raise WrongValueError(f"{record}: {detail} is a {expected.__name__}, not {value!r}")
        if isinstance(value, Record):
            self._refuse_absent(value)
        self._set_attribute(record, detail, value)

    def arrange(self, record: Record, field_name: str, members: Iterable[Record]) -> None:
        """Give the members of an ordered collection (Pixels.channels, Experimenter.groupExperimenterMap) their order.

        Raises WrongValueError where the collection is a set, or the members are not exactly its members.
        """
        members = list(members)
        if not self._field(record.model, field_name).ordered:
            raise WrongValueError(f"{record.model.name}.{field_name} has no order")
        present = self.collection(record, field_name)
        if len(members) != len(present) or set(members) != set(present):
            raise WrongValueError(f"{record}.{field_name} has the members {present}, not {members}")
        with self.transaction():
            for position, member in enumerate(members):
                self._set_attribute(member, "position", position)

    def delete(self, record: Record) -> None:
        """Delete a record. Its values stay readable. At the transaction's end nothing may refer to it any more."""
        self._refuse_absent(record)
        table = self._tables[record.model.root]
        with self.transaction():
            self._indexes.discard(record)
            del table[record.id]

            def undo() -> None:
                table[record.id] = record
                self._indexes.add(record)

            self._undo.append(undo)
            self._touched[record] = None

    def enumeration(self, type_name: str, value: str) -> Record:
        """The enumeration's entry; made where the enumeration is open. Raises UnknownEnumerationError otherwise."""
        model = self.model(type_name)
        if not model.is_enumeration:
            raise UnknownEnumerationError(f"{type_name} is not an enumeration")
        found = self.find(type_name, value=value)
        if found:
            return found[0]
        if type_name in CLOSED_ENUMERATIONS:
            raise UnknownEnumerationError(f"{type_name} has no value {value!r}")
        return self.create(type_name, owner=None, group=None, event=None, value=value)

    def remember(self, name: str, value: Any) -> None:
        """Keep a small JSON value with the database; None forgets it."""
        json.dumps(value)  # refuse now what could not be written later
        with self.transaction():
            old = self._settings.get(name)
            self._put_setting(name, value)
            self._undo.append(lambda: self._put_setting(name, old))
            self._touched_settings.add(name)

    # -- inside

    def _load(self, journal: Journal) -> None:
        was_collecting = gc.isenabled()
        gc.disable()  # nothing of what is loaded is garbage; looking for it doubles the time
        try:
            self._tables.update(journal.load_records())
            self._sequences.update(journal.load_sequences())
            self._settings.update(journal.load_settings())
            for table in self._tables.values():
                for record in table.values():
                    self._indexes.add(record)
        finally:
            if was_collecting:
                gc.enable()
        gc.freeze()  # the database lives as long as the process: no later collection walks it

    def _refuse_absent(self, record: Record) -> None:
        if not self._is_present(record):
            raise AbsentRecordError(f"{record} is not in the database (any more)")

    def _put(self, record: Record, field: Field, old: Any, new: Any) -> None:
        self._indexes.discard_value(record, field.name, old)
        if new is None:
            record.values.pop(field.name, None)
        else:
            record.values[field.name] = new
            self._indexes.add_value(record, field.name, new)

    def _put_setting(self, name: str, value: Any) -> None:
        if value is None:
            self._settings.pop(name, None)
        else:
            self._settings[name] = value

    def _set_attribute(self, record: Record, name: str, value: Any) -> None:
        old = getattr(record, name)
        if old is value:
            return
        with self.transaction():
            setattr(record, name, value)
            self._undo.append(lambda: setattr(record, name, old))
            self._touched[record] = None

    def _commit(self) -> None:
        deleted = [r for r in self._touched if not self._is_present(r)]
        refuse_dangling(deleted, self._indexes, self._tables)
        if self._journal is None or not (self._touched or self._touched_settings):
            return
        gone = set(deleted)
        # a deleted record's id may have been taken again in this transaction: delete before writing
        self._journal.write(
            deleted=[r.key for r in deleted],
            changed=[r for r in self._touched if r not in gone],
            sequences={r.model.root: self._sequences[r.model.root] for r in self._touched},
            settings={name: self._settings.get(name) for name in self._touched_settings},
        )

    def _roll_back(self, mark: int) -> None:
        while len(self._undo) > mark:
            self._undo.pop()()


_NEW_GROUP_PERMISSIONS = -120  # rw----, what OMERO gives a group that asks for nothing
