"""omero.api.RawFileStore: the bytes of OriginalFile objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import omero
import omero.api

from sandbox.omero.calls import Call
from sandbox.omero.checksums import UnknownAlgorithm, compute_checksum
from sandbox.omero.permissions import EDIT
from sandbox.omero.records import Record
from sandbox.omero.repository_files import note_size, place_of
from sandbox.omero.servant import StatefulService, servant
from sandbox.omero.services.wire import load_one

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

#: The checksum of files that name no algorithm.
DEFAULT_ALGORITHM = "SHA1-160"


@servant(omero.api.RawFileStore)
class RawFileStore(StatefulService):
    """One open file. In mode "r" it cannot be written.

    As with OMERO.server, `save` recomputes size, time and checksum only if something was written through this
    store or the size on disk is not the stored one; a client that exchanged the file for another one of the
    same size keeps the old checksum.
    """

    def __init__(self, server: EmbeddedOmero, session: Session, file: Record | None = None, *,
                 writable: bool = True) -> None:  # fmt: skip
        super().__init__(server, session)
        self._file = file
        self._writable = writable
        self._written = False

    # ---- which file

    def setFileId(self, file_id: int, call: Call) -> None:
        with self.store.lock:
            file = self.store.get("OriginalFile", file_id)
            if file is None:
                raise omero.ValidationException(None, None, f"No OriginalFile with id {file_id}")
            if not call.caller.visible(file):
                raise omero.SecurityViolation(None, None, f"Cannot read OriginalFile:{file_id}")
        if self._file is not None:
            self.save(call)
        self._file, self._written = file, False

    def getFileId(self, call: Call) -> Any:
        return None if self._file is None else omero.rtypes.rlong(self._file.id)

    @property
    def _record(self) -> Record:
        if self._file is None:
            raise omero.ApiUsageException(None, None, "no file was chosen yet")
        return self._file

    @property
    def _place(self) -> Path:
        with self.store.lock:
            return place_of(self.server, self._record)

    def _writable_place(self, call: Call) -> Path:
        with self.store.lock:
            if not self._writable:
                raise omero.ApiUsageException(None, None, "the file was opened for reading only")
            if call.caller.restrictions(self._record)[EDIT]:
                raise omero.SecurityViolation(None, None, f"Cannot edit {self._record}")
        place = self._place
        place.parent.mkdir(parents=True, exist_ok=True)
        self._written = True
        return place

    # ---- bytes

    def exists(self, call: Call) -> bool:
        return self._place.exists()

    def size(self, call: Call) -> int:
        """Bytes on disk, through links. Raises omero.ResourceError where the file cannot be reached."""
        try:
            return self._place.stat().st_size
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot read {self._record}: {error.strerror}") from error

    def read(self, position: int, length: int, call: Call) -> bytes:
        """At most `length` bytes; fewer at the file's end."""
        try:
            with self._place.open("rb") as file:
                file.seek(position)
                return file.read(length)
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot read {self._record}: {error.strerror}") from error

    def write(self, data: bytes, position: int, length: int, call: Call) -> None:
        place = self._writable_place(call)
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT, 0o664)
            with os.fdopen(descriptor, "wb") as file:
                file.seek(position)
                file.write(bytes(data)[:length])
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot write {self._record}: {error.strerror}") from error

    def truncate(self, length: int, call: Call) -> bool:
        """Whether the file was longer than `length` and is cut now."""
        if not self.exists(call) or self.size(call) < length:
            return False
        os.truncate(self._writable_place(call), length)
        return True

    # ---- keeping size and checksum

    def save(self, call: Call) -> Any:
        """The OriginalFile with its new size and checksum; None where nothing changed."""
        file, place = self._record, self._place
        if not place.exists():
            return None
        with self.store.lock:
            stored = file.values.get("size")
            hasher = file.values.get("hasher")
        if not self._written and stored == place.stat().st_size:
            return None
        algorithm = DEFAULT_ALGORITHM if hasher is None else str(hasher.values["value"])
        try:
            checksum = compute_checksum(algorithm, place)
        except UnknownAlgorithm as error:
            raise omero.ApiUsageException(None, None, str(error)) from error
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot read {file}: {error.strerror}") from error
        with self.store.transaction():
            if self.store.get("OriginalFile", file.id) is not file:
                raise omero.ValidationException(None, None, f"{file} was deleted meanwhile")
            note_size(self.store, file, place)
            self.store.assign(file, "hash", checksum)
            self.store.assign(file, "hasher", self.store.enumeration("ChecksumAlgorithm", algorithm))
            self.store.assign_detail(file, "update_event", call.event())
            self._written = False
            return load_one(call, file)

    def close(self, call: Call) -> None:
        """Save what was written, then close."""
        try:
            if self._file is not None and self._written:
                self.save(call)
        finally:
            super().close(call)
