"""omero.grid.Table: a table that belongs to an OriginalFile, as clients read and write it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import omero
import omero.cmd
import omero.grid
import omero.rtypes

from sandbox.omero.calls import Call
from sandbox.omero.checksums import compute_checksum
from sandbox.omero.permissions import EDIT
from sandbox.omero.raw_files import DEFAULT_ALGORITHM
from sandbox.omero.records import Record
from sandbox.omero.repository_files import note_size, place_of
from sandbox.omero.servant import StatefulService, refusal, servant
from sandbox.omero.services.wire import load_one
from sandbox.omero.table_conditions import ConditionError
from sandbox.omero.table_storage import ColumnType, TableError, TableStorage

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

#: What OMERO calls the type of a table's OriginalFile.
TABLE_TYPE = "OMERO.tables"


@contextmanager
def _for_clients() -> Iterator[None]:
    """What a table refuses, as the exception OMERO's clients know."""
    try:
        yield
    except (TableError, ConditionError) as error:
        raise omero.ApiUsageException(None, type(error).__name__, str(error)) from error


@servant(omero.grid.Table)
class Table(StatefulService):
    """Rows are numbered from 0. Writing asks for the right to edit the file."""

    def __init__(self, server: EmbeddedOmero, session: Session, file: Record) -> None:
        super().__init__(server, session)
        self._file = file
        self._written = False
        with self.store.lock:
            self._place = place_of(server, file)
        self._storage = TableStorage(self._place)

    def getOriginalFile(self, call: Call) -> Any:
        with self.store.lock:
            return load_one(call, self._file)

    # ---- reading

    def getHeaders(self, call: Call) -> list[Any]:
        with _for_clients():
            return [_make_column(column, []) for column in self._storage.columns]

    def getNumberOfRows(self, call: Call) -> int:
        with _for_clients():
            return self._storage.count_rows()

    def getWhereList(self, condition: str, variables: Any, start: int, stop: int, step: int, call: Call) -> list[int]:
        """The rows for which the condition holds; a stop or step of 0 means "to the end" and "each"."""
        values = {name: omero.rtypes.unwrap(value) for name, value in (variables or {}).items()}
        with _for_clients():
            rows = range(start, stop or self._storage.count_rows(), step or 1)
            return self._storage.find_rows(condition, values, rows)

    def readCoordinates(self, numbers: list[int], call: Call) -> Any:
        with _for_clients():
            return self._data(range(len(self._storage.columns)), numbers)

    def read(self, places: list[int], start: int, stop: int, call: Call) -> Any:
        """The rows from `start` on and before `stop`; 0 and 0 mean all of them."""
        with _for_clients():
            rows = self._storage.count_rows()
            return self._data(places, range(start, rows if start == 0 and stop == 0 else min(stop, rows)))

    def slice(self, places: list[int] | None, numbers: list[int] | None, call: Call) -> Any:
        """Some columns of some rows; none named means all."""
        with _for_clients():
            return self._data(places or range(len(self._storage.columns)), numbers or range(self._storage.count_rows()))

    def _data(self, places: Sequence[int], numbers: Sequence[int]) -> Any:
        columns = self._storage.columns
        values = self._storage.read(places, numbers)
        return omero.grid.Data(
            lastModification=int(time.time() * 1000),
            rowNumbers=list(numbers),
            columns=[_make_column(columns[place], data) for place, data in zip(places, values, strict=True)],
        )

    # ---- writing

    def initialize(self, columns: list[Any], call: Call) -> None:
        """Declare the columns, whose values (if any) are left out."""
        self._write(lambda: self._storage.initialise([_read_column(column) for column in columns]), call)

    def addColumn(self, column: Any, call: Call) -> None:
        """Not possible, as on OMERO.server."""
        raise omero.ApiUsageException(None, None, "NYI")

    def addData(self, columns: list[Any], call: Call) -> None:
        def append() -> None:
            declared = self._storage.columns
            for column, expected in zip(columns, declared, strict=False):
                if _kind_of(column) != expected.kind:
                    raise TableError(f"{column.name} is a {_kind_of(column)}, the table has a {expected.kind}")
            self._storage.append([column.values or [] for column in columns])

        self._write(append, call)

    def update(self, data: Any, call: Call) -> None:
        if data is not None:
            changed = {column.name: column.values or [] for column in data.columns}
            self._write(lambda: self._storage.update(data.rowNumbers, changed), call)

    def _write(self, change: Callable[[], None], call: Call) -> None:
        with self.store.lock:
            if call.caller.restrictions(self._file)[EDIT]:
                raise omero.SecurityViolation(None, None, f"Cannot edit {self._file}")
        with _for_clients():
            change()
        self._written = True

    # ---- metadata

    def getAllMetadata(self, call: Call) -> dict[str, Any]:
        return {name: omero.rtypes.wrap(value) for name, value in self._storage.metadata().items()}

    def getMetadata(self, name: str, call: Call) -> Any:
        return self.getAllMetadata(call).get(name)

    def setMetadata(self, name: str, value: Any, call: Call) -> None:
        self._write(lambda: self._storage.add_metadata({name: _plain(name, value)}), call)

    def setAllMetadata(self, values: Any, call: Call) -> None:
        plain = {name: _plain(name, value) for name, value in (values or {}).items()}
        self._write(lambda: self._storage.add_metadata(plain, replace=True), call)

    # ---- end

    def delete(self, call: Call) -> None:
        """Delete the table's OriginalFile, as `Delete2` does, and wait for it."""
        from sandbox.omero.commands import handle, requests  # the commands import the repository

        request = omero.cmd.Delete2(targetObjects={"OriginalFile": [self._file.id]})
        work = requests.work_of(request)
        response = work(handle.Handle(self.server, self.session, request, call))
        if isinstance(response, omero.cmd.ERR):
            raise omero.InternalException(None, response.name, str(response.parameters))
        self._written = False
        super().close(call)

    def close(self, call: Call) -> None:
        """Keep the file's size and checksum, then close."""
        if self._written:
            with self.store.transaction():
                if self.store.get("OriginalFile", self._file.id) is self._file:
                    note_size(self.store, self._file, self._place)
                    self.store.assign(self._file, "hash", compute_checksum(DEFAULT_ALGORITHM, self._place))
                    hasher = self.store.enumeration("ChecksumAlgorithm", DEFAULT_ALGORITHM)
                    self.store.assign(self._file, "hasher", hasher)
        super().close(call)


def _kind_of(column: Any) -> str:
    """The Slice class's name: 'LongColumn' for a client's LongColumnI as well."""
    return str(column.ice_staticId()).rpartition("::")[2]


def _read_column(column: Any) -> ColumnType:
    return ColumnType(_kind_of(column), column.name, column.description or "", int(getattr(column, "size", 0)))


def _make_column(column: ColumnType, values: list[Any]) -> Any:
    made = getattr(omero.grid, column.kind)()
    made.name, made.description, made.values = column.name, column.description, values
    if hasattr(made, "size"):
        made.size = column.size
    return made


def _plain(name: str, value: Any) -> Any:
    """The metadata's value without its RType. Raises omero.ApiUsageException for what no table keeps."""
    plain = omero.rtypes.unwrap(value)
    if not isinstance(plain, str | int | float):
        raise refusal(f"table metadata like {name}: {type(value).__name__}")
    return plain
