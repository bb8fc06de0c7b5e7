"""What is beneath the store: one SQLite file with a row per record.

Guarantee: when `write` returns, the whole transaction survives the death of this process; a transaction
is never found by half. Limit: with WAL and synchronous=NORMAL a power cut may lose the last transactions
(whole ones). One process at a time: the file is locked while it is open.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from sandbox.omero.model import Field, FieldKind, ModelClass, load_model
from sandbox.omero.records import Int32, Milliseconds, NamedValue, Quantity, Record

_FORMAT = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    root TEXT NOT NULL, id INTEGER NOT NULL, class TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (root, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (root TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS format (version TEXT NOT NULL);
"""


class JournalError(Exception):
    """The file cannot be used: in use by another process, of another format, or not readable."""


class Journal:
    """The SQLite file of a store. Not thread-safe by itself: the store's lock guards it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
        try:
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
            row = self._connection.execute("SELECT version FROM format").fetchone()
            if row is None:
                self._connection.execute("INSERT INTO format VALUES (?)", (_FORMAT,))
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(f"{path} cannot be opened (is another embedded OMERO using it?): {error}") from error
        if row is not None and row[0] != _FORMAT:
            self._connection.close()
            raise JournalError(f"{path} has the format {row[0]}; this version reads {_FORMAT}")

    def close(self) -> None:
        self._connection.close()

    def write(
        self,
        *,
        deleted: Iterable[tuple[str, int]],
        changed: Iterable[Record],
        sequences: Mapping[str, int],
        settings: Mapping[str, Any],
    ) -> None:
        """One transaction on disk. Raises sqlite3.Error, and then nothing of it is written."""
        connection = self._connection
        rows = [(r.model.root, r.id, r.model.name, encode_record(r)) for r in changed]
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("DELETE FROM record WHERE root = ? AND id = ?", deleted)
            connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO sequence VALUES (?, ?)", sequences.items())
            for name, value in settings.items():
                if value is None:
                    connection.execute("DELETE FROM setting WHERE name = ?", (name,))
                else:
                    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def load_records(self) -> dict[str, dict[int, Record]]:
        """Every record by root class and id, references resolved. Raises JournalError for what it cannot read."""
        model = load_model()
        tables: dict[str, dict[int, Record]] = {}
        for root, id, class_name in self._connection.execute("SELECT root, id, class FROM record"):
            if class_name not in model:
                raise JournalError(f"{self._path}: {root} {id} has the unknown class {class_name}")
            tables.setdefault(sys.intern(root), {})[id] = Record(model[class_name], id)
        for name in _DETAIL_TABLES:
            tables.setdefault(name, {})
        for root, id, body in self._connection.execute("SELECT root, id, body FROM record"):
            try:
                decode_record(tables[root][id], body, tables)
            except (KeyError, ValueError, TypeError) as error:
                raise JournalError(f"{self._path}: {root} {id} cannot be read: {error!r}") from error
        return tables

    def load_sequences(self) -> dict[str, int]:
        """The last id given out, by root class."""
        return dict(self._connection.execute("SELECT root, last FROM sequence").fetchall())

    def load_settings(self) -> dict[str, Any]:
        """The values of `Store.remember`."""
        return {name: json.loads(value) for name, value in self._connection.execute("SELECT name, value FROM setting")}


def encode_record(record: Record) -> str:
    """A record as JSON: [owner, group, creation event, update event, external info, permissions, position, values]."""
    fields = record.model.fields
    values = {name: _encode(fields[name], value) for name, value in record.values.items()}
    details = (record.owner, record.group, record.creation_event, record.update_event, record.external_info)
    return json.dumps(
        [*(None if r is None else r.id for r in details), record.permissions, record.position, values],
        separators=(",", ":"),
    )


def _encode(field: Field, value: Any) -> Any:
    match field.kind:
        case FieldKind.SCALAR:
            return value
        case FieldKind.REFERENCE:
            return value.id
        case FieldKind.QUANTITY:
            return [value.value, value.unit]
        case FieldKind.VALUE:
            return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        case FieldKind.COLLECTION | FieldKind.EMBEDDED:
            raise TypeError(f"{field.name} is not a value of the record")


_Tables: TypeAlias = Mapping[str, Mapping[int, Record]]


#: The classes of the details, whose tables are there even when they are empty.
_DETAIL_TABLES = ("Experimenter", "ExperimenterGroup", "Event", "ExternalInfo")

_read_json = json.JSONDecoder().raw_decode


def decode_record(record: Record, body: str, tables: _Tables) -> None:
    """Fill a record from its JSON. Raises KeyError for a reference to a record that is not there."""
    owner, group, creation_event, update_event, external_info, permissions, position, values = _read_json(body)[0]
    if owner is not None:
        record.owner = tables["Experimenter"][owner]
    if group is not None:
        record.group = tables["ExperimenterGroup"][group]
    if creation_event is not None:
        record.creation_event = tables["Event"][creation_event]
    if update_event is not None:
        record.update_event = tables["Event"][update_event]
    if external_info is not None:
        record.external_info = tables["ExternalInfo"][external_info]
    record.permissions = permissions
    record.position = position
    decoders = _decoders(record.model)
    record.values = {decoders[name][0]: decoders[name][1](value, tables) for name, value in values.items()}


_Decoder: TypeAlias = Callable[[Any, _Tables], Any]


@cache
def _decoders(model: ModelClass) -> dict[str, tuple[str, _Decoder]]:
    """How each field is read; with the one string object that names it, which JSON would repeat per record."""
    return {
        f.name: (sys.intern(f.name), _make_decoder(f))
        for f in model.fields.values()
        if f.kind not in (FieldKind.COLLECTION, FieldKind.EMBEDDED)
    }


def _make_decoder(field: Field) -> _Decoder:
    match field.kind:
        case FieldKind.SCALAR:
            return {
                "RString": lambda v, _: sys.intern(v),
                "RInt": lambda v, _: _small(v),
                "RTime": lambda v, _: Milliseconds(v),
            }.get(field.type, lambda v, _: v)
        case FieldKind.REFERENCE:
            root = load_model()[field.type].root
            return lambda v, tables: tables[root][v]
        case FieldKind.QUANTITY:
            return lambda v, _: Quantity(field.type, v[0], sys.intern(v[1]))
        case FieldKind.VALUE:
            if field.type == "ByteSeq":
                return lambda v, _: base64.b64decode(v)
            if field.type == "NamedValueList":
                return lambda v, _: tuple(NamedValue(sys.intern(name), sys.intern(text)) for name, text in v)
            return lambda v, _: tuple(v)
        case FieldKind.COLLECTION | FieldKind.EMBEDDED:
            raise TypeError(f"{field.name} is not a value of the record")


@cache
def _small(value: int) -> Int32:
    """Sizes and indexes repeat a lot: one object for each number."""
    return Int32(value)
