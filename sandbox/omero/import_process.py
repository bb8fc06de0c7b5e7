"""omero.grid.ImportProcess: takes the bytes of a fileset's files, checks them, and starts the import itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import omero
import omero.api
import omero.cmd
import omero.grid
import omero.model

from sandbox.omero.calls import Call
from sandbox.omero.checksums import compute_checksum
from sandbox.omero.commands import handle
from sandbox.omero.imports import Import, run_import
from sandbox.omero.materialise import Materialiser
from sandbox.omero.raw_files import RawFileStore
from sandbox.omero.records import Record
from sandbox.omero.repository_files import place_of, repository_uuid
from sandbox.omero.servant import StatefulService, servant

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero
    from sandbox.omero.sessions import Session

#: The context key by which a client says how it wants an uploader: "rw" (the default) or "r".
FILE_MODE = "omero.fs.mode"


@servant(omero.grid.ImportProcess)
class ImportProcess(StatefulService):
    """One import of one fileset. It lives in memory alone: a server that restarts has forgotten it, and the fileset
    stays behind without images, as with OMERO.server."""

    def __init__(self, server: EmbeddedOmero, session: Session, fileset: Record, settings: Any) -> None:
        super().__init__(server, session)
        self.fileset = fileset
        self.proxy: Any = None
        self._settings = settings
        self._handle: Any = None
        self._handle_session = session
        self._running = False
        self.has_ended = False
        self._closed_as: set[tuple[Session, str]] = set()
        with self.store.lock:
            entries = self.store.collection(fileset, "usedFiles")
            self._files: list[Record] = [entry.values["originalFile"] for entry in entries]

    def getImportSettings(self, call: Call) -> Any:
        return self._settings

    # ---- upload

    def getUploader(self, index: int, call: Call) -> Any:
        """A RawFileStore for the index-th file; the call's context may ask for mode "r" under `omero.fs.mode`."""
        mode = call.context.get(FILE_MODE, "rw")
        if mode not in ("r", "rw"):
            raise omero.ApiUsageException(None, None, f"{FILE_MODE} is r or rw, not {mode}")
        session = self._asking_session(call)
        service = RawFileStore(self.server, session, self._file(index), writable=mode == "rw")
        proxy = self.server.add_stateful(session, service, "omero.api.RawFileStore")
        return omero.api.RawFileStorePrx.uncheckedCast(proxy)

    def getUploadOffset(self, index: int, call: Call) -> int:
        """How many bytes of the index-th file are there; an interrupted upload goes on from here."""
        with self.store.lock:
            place = place_of(self.server, self._file(index))
        return place.stat().st_size if place.exists() else 0

    def _file(self, index: int) -> Record:
        if not 0 <= index < len(self._files):
            raise omero.ApiUsageException(None, None, f"there is no file {index}; the fileset has {len(self._files)}")
        return self._files[index]

    # ---- verification

    def verifyUpload(self, checksums: list[str], call: Call) -> Any:
        """Compare the client's checksums with the server's, file by file, and start the import.

        Raises omero.ApiUsageException for another number of checksums than files, and
        omero.ChecksumValidationException, whose failingChecksums are {index: the server's checksum}; the client
        may then upload again.
        """
        if self._running or self._handle is not None:
            raise omero.ApiUsageException(None, None, "the upload was verified already")
        if checksums is None or len(checksums) != len(self._files):
            raise omero.ApiUsageException(
                None, None, f"hashes size should be {len(self._files)}, not {len(checksums or [])}"
            )
        failing = {}
        for index, (file, expected) in enumerate(zip(self._files, checksums, strict=True)):
            found = self._checksum(file)
            if found != expected.lower():
                failing[index] = found
        if failing:
            error = omero.ChecksumValidationException()
            error.message = "A checksum mismatch has occurred."
            error.failingChecksums = failing
            raise error
        self._running = True
        request = self._request(call)
        work = Import(self.server, call.in_background(), self.fileset, tuple(self._files), self._settings)

        def run(progress: handle.Handle) -> Any:
            try:
                return run_import(work, request, progress.step)
            finally:
                self._ended()

        self._handle_session = self._asking_session(call)
        self._handle = handle.start(self.server, self._handle_session, call, request, run)
        return self._handle

    def _checksum(self, file: Record) -> str:
        """The server's checksum of the file on disk; '' where there is none."""
        with self.store.lock:
            place, hasher = place_of(self.server, file), file.values["hasher"].values["value"]
        try:
            return compute_checksum(hasher, place)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot read {file}: {error.strerror}") from error

    def _request(self, call: Call) -> Any:
        """The request as the handle shows it; `activity.parent` is the fileset."""
        with self.store.lock:
            links = self.store.collection(self.fileset, "jobLinks")
            activity = next(link for link in links if link.values["child"].model.name == "MetadataImportJob")
            materialiser = Materialiser(self.store, call.caller)
            materialiser.load(activity)
            materialiser.load(self.fileset)
            return omero.grid.ImportRequest(
                clientUuid=call.session.uuid,
                repoUuid=repository_uuid(self.store),
                process=self.proxy,
                activity=materialiser.ice(activity),
                settings=self._settings,
            )

    def getHandle(self, call: Call) -> Any:
        """The handle of the running import; None before the upload was verified."""
        asking = self._asking_session(call)
        if self._handle is None or asking is self._handle_session:
            return self._handle
        service = self._handle_session.service(self._handle.ice_getIdentity().name)
        if not isinstance(service, handle.Handle):  # closed, or gone with its session
            return self._handle
        # A client reaches the objects of its own session alone.
        proxy = self.server.add_stateful(asking, service, "omero.cmd.Handle")
        return omero.cmd.HandlePrx.uncheckedCast(proxy)

    # ---- end

    def close(self, call: Call) -> None:
        """Done with uploading. A running import goes on, and `listImports` shows it until it ends."""
        self._closed_as.add((self._asking_session(call), call.identity_name))
        if not self._running:
            self._remove_closed()

    def _ended(self) -> None:
        self._running, self.has_ended = False, True
        self._remove_closed()

    def _remove_closed(self) -> None:
        while self._closed_as:
            session, name = self._closed_as.pop()
            session.remove_service(name)

    def _asking_session(self, call: Call) -> Session:
        """The session that this call came in; another one of the same user than that which began the import."""
        session = self.server.sessions.find(call.current.id.category)
        return self.session if session is None else session


def list_running_imports(server: EmbeddedOmero, user: Record) -> list[ImportProcess]:
    """The imports of the user that were begun and neither closed nor ended, in any session; each once."""
    found: dict[ImportProcess, None] = {}
    for session in server.sessions.of_user(user):
        for name in session.service_names():
            service = session.service(name)
            if isinstance(service, ImportProcess) and not service.has_ended:
                found[service] = None
    return list(found)
