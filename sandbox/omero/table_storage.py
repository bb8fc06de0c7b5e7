"""One OMERO table on disk: an SQLite file with a row per row, its columns' types, and its metadata.

Every change is one SQLite transaction, so that a table survives the server's death with every answered call.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.omero.table_conditions import select_rows


class TableError(Exception):
    """The table refuses: an unknown column, a row that is not there, a value that does not fit."""


@dataclass(frozen=True)
class ColumnType:
    """A column as it was declared. `kind` is the class's name in omero.grid; `size` counts bytes of text or items."""

    kind: str
    name: str
    description: str = ""
    size: int = 0


#: What numpy makes of a column's values when conditions are asked of it; array columns cannot be asked.
_CONDITION_TYPES: Mapping[str, Any] = {
    "LongColumn": np.int64, "FileColumn": np.int64, "ImageColumn": np.int64, "DatasetColumn": np.int64,
    "RoiColumn": np.int64, "WellColumn": np.int64, "PlateColumn": np.int64, "BoolColumn": np.bool_,
    "DoubleColumn": np.float64, "StringColumn": np.str_,
}  # fmt: skip

_ARRAY_TYPES: Mapping[str, str] = {
    "FloatArrayColumn": "<f4", "DoubleArrayColumn": "<f8", "LongArrayColumn": "<i8",
}  # fmt: skip

#: Every kind of column that is kept.
KINDS = frozenset(_CONDITION_TYPES) | frozenset(_ARRAY_TYPES)


class TableStorage:
    """The table in the file at `path`; made empty where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, closing(self._connect()) as database, database:
            database.execute("create table if not exists facts (name text primary key, value text)")
            database.execute("create table if not exists metadata (name text primary key, value text)")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    # ---- columns

    @property
    def columns(self) -> list[ColumnType]:
        """The declared columns; none before `initialise`."""
        with closing(self._connect()) as database:
            found = database.execute("select value from facts where name = 'columns'").fetchone()
        return [] if found is None else [ColumnType(**column) for column in json.loads(found[0])]

    def initialise(self, columns: Sequence[ColumnType]) -> None:
        """Declare the columns. Raises TableError for the second time, no columns, a name twice, an unknown kind."""
        names = [column.name for column in columns]
        if not columns:
            raise TableError("No columns provided")
        for name in names:
            if names.count(name) > 1:
                raise TableError(f"Duplicate column name: {name}")
        for column in columns:
            if column.kind not in KINDS:
                raise TableError(f"columns of type {column.kind} are not kept")
        with self._lock:
            if self.columns:
                raise TableError("Already initialized")
            fields = ", ".join(f"c{index}" for index in range(len(columns)))
            with closing(self._connect()) as database, database:
                database.execute(f"create table data (number integer primary key, {fields})")
                database.execute(
                    "insert into facts values ('columns', ?)", (json.dumps([asdict(column) for column in columns]),)
                )

    def _initialised(self) -> list[ColumnType]:
        columns = self.columns
        if not columns:
            raise TableError("Not yet initialized")
        return columns

    # ---- rows

    def count_rows(self) -> int:
        self._initialised()
        with closing(self._connect()) as database:
            return int(database.execute("select count(*) from data").fetchone()[0])

    def append(self, values: Sequence[Sequence[Any]]) -> None:
        """Add rows; `values` holds a sequence for each column, all of one length. Raises TableError."""
        columns = self._initialised()
        if len(values) != len(columns):
            raise TableError(f"{len(values)} columns of data for a table of {len(columns)}")
        lengths = {len(column) for column in values}
        if len(lengths) != 1:
            raise TableError("the columns of data differ in length")
        encoded = [[_encode(column, value) for value in data] for column, data in zip(columns, values, strict=True)]
        marks = ", ".join("?" for _ in columns)
        with self._lock, closing(self._connect()) as database, database:
            first = int(database.execute("select count(*) from data").fetchone()[0])
            rows = ((first + index, *row) for index, row in enumerate(zip(*encoded, strict=True)))
            database.executemany(f"insert into data values (?, {marks})", rows)

    def update(self, numbers: Sequence[int], changed: Mapping[str, Sequence[Any]]) -> None:
        """Replace values of rows; `changed` maps a column's name to a value for each of the numbers."""
        columns = self._initialised()
        places = {column.name: index for index, column in enumerate(columns)}
        self._check_rows(numbers)
        with self._lock, closing(self._connect()) as database, database:
            for name, values in changed.items():
                if name not in places:
                    raise TableError(f"the table has no column {name!r}")
                if len(values) != len(numbers):
                    raise TableError(f"{len(values)} values of {name} for {len(numbers)} rows")
                column = columns[places[name]]
                database.executemany(
                    f"update data set c{places[name]} = ? where number = ?",
                    [(_encode(column, value), number) for value, number in zip(values, numbers, strict=True)],
                )

    def read(self, places: Sequence[int], numbers: Sequence[int]) -> list[list[Any]]:
        """The values of the columns at `places` in the rows `numbers`, one list for each column, in that order."""
        columns = self._initialised()
        for place in places:
            if not 0 <= place < len(columns):
                raise TableError(f"there is no column {place}; the table has {len(columns)}")
        self._check_rows(numbers)
        if not places:
            return []
        fields = ", ".join(f"c{place}" for place in places)
        with closing(self._connect()) as database:
            if len(numbers) > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
                query = f"select {fields} from data where number between ? and ? order by number"
                rows = database.execute(query, (numbers[0], numbers[-1])).fetchall()
            else:
                query = f"select {fields} from data where number = ?"
                rows = [database.execute(query, (number,)).fetchone() for number in numbers]
        return [[_decode(columns[place], row[index]) for row in rows] for index, place in enumerate(places)]

    def _check_rows(self, numbers: Iterable[int]) -> None:
        rows = self.count_rows()
        for number in numbers:
            if not 0 <= number < rows:
                raise TableError(f"there is no row {number}; the table has {rows}")

    def find_rows(self, condition: str, variables: Mapping[str, Any], chosen: range) -> list[int]:
        """The numbers of the rows among `chosen` for which the condition holds, ascending.

        Raises table_conditions.ConditionError. A variable that is a text names a column, as in OMERO.
        """
        columns = self._initialised()
        numbers = [number for number in chosen if number < self.count_rows()]
        arrays: dict[str, NDArray[Any]] = {}
        for place, column in enumerate(columns):
            if column.kind in _CONDITION_TYPES:
                arrays[column.name] = np.array(self.read([place], numbers)[0], _CONDITION_TYPES[column.kind])
        values = {
            name: arrays[value] if isinstance(value, str) and value in arrays else value
            for name, value in variables.items()
        }
        held = select_rows(condition, arrays, values)
        return [number for number, holds in zip(numbers, held, strict=True) if holds]

    # ---- metadata

    def metadata(self) -> dict[str, Any]:
        """Names and values: text, whole numbers or floats."""
        with closing(self._connect()) as database:
            return {name: json.loads(value) for name, value in database.execute("select name, value from metadata")}

    def add_metadata(self, values: Mapping[str, Any], *, replace: bool = False) -> None:
        """Set values; with `replace` all others are forgotten."""
        with self._lock, closing(self._connect()) as database, database:
            if replace:
                database.execute("delete from metadata")
            database.executemany(
                "insert or replace into metadata values (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )


def _encode(column: ColumnType, value: Any) -> Any:
    """The value as SQLite keeps it. SQLite has no NaN: it is kept as null."""
    if column.kind in _ARRAY_TYPES:
        array = np.asarray(value, _ARRAY_TYPES[column.kind])
        if array.shape != (column.size,):
            raise TableError(f"{column.name} holds {column.size} items a row, not {array.shape}")
        return array.tobytes()
    if column.kind == "StringColumn":
        if len(value.encode()) > column.size:
            raise TableError(f"Maximum string (byte) length in column {column.name} is {column.size}")
        return value
    if column.kind == "DoubleColumn":
        return float(value)
    return int(value)


def _decode(column: ColumnType, value: Any) -> Any:
    if column.kind in _ARRAY_TYPES:
        return np.frombuffer(value, _ARRAY_TYPES[column.kind]).tolist()
    if column.kind == "DoubleColumn":
        return float("nan") if value is None else value
    return bool(value) if column.kind == "BoolColumn" else value
