"""omero.grid.ManagedRepository: the tree of imported files, and where imports begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import omero
import omero.api
import omero.cmd
import omero.grid
import omero.model
from omero.rtypes import rlong, rmap, rstring

from sandbox.omero.calls import Call
from sandbox.omero.checksums import ALGORITHMS, UnknownAlgorithm, compute_checksum
from sandbox.omero.filesets import start_import
from sandbox.omero.import_process import ImportProcess, list_running_imports
from sandbox.omero.permissions import EDIT
from sandbox.omero.raw_files import RawFileStore
from sandbox.omero.records import Record
from sandbox.omero.repository_files import (
    DIRECTORY_TYPE,
    find_file,
    place_in_repository,
    place_of,
    register_file,
    repository_uuid,
)
from sandbox.omero.servant import Service, refusal, servant
from sandbox.omero.services.wire import load_all, load_one, need


@servant(omero.grid.ManagedRepository)
class ManagedRepository(Service):
    """Paths are relative to the repository's root and cannot leave it."""

    transactional = True

    # ---- the tree

    def root(self, call: Call) -> Any:
        """The repository as an OriginalFile: `path`/`name` is its folder on the server."""
        return load_one(call, self._root_record())

    def _root_record(self) -> Record:
        root: Path = self.server.repository_root
        found = self.store.find("OriginalFile", name=root.name, path=f"{root.parent}/")
        for file in found:
            if file.values.get("mimetype") == "Repository":
                return file
        owner, group = self.store.get("Experimenter", 0), self.store.get("ExperimenterGroup", 1)
        return self.store.create(
            "OriginalFile", owner=owner, group=group, event=None,
            name=root.name, path=f"{root.parent}/", mimetype="Repository", repo=repository_uuid(self.store), size=0,
        )  # fmt: skip

    def mimetype(self, path: str, call: Call) -> str:
        return str(self._registered(path, call).values["mimetype"])

    def fileExists(self, path: str, call: Call) -> bool:
        """Whether there is such a file on disk; a link that points nowhere is none."""
        return place_in_repository(self.server, path).exists()

    def list(self, path: str, call: Call) -> Sequence[str]:
        """The paths of the registered files and folders in a folder."""
        return [self._path_of(file) for file in self._children(path, call)]

    def listFiles(self, path: str, call: Call) -> Sequence[Any]:
        return load_all(call, self._children(path, call))

    def treeList(self, path: str, call: Call) -> Any:
        """Path -> id, size, type and (for folders) files below, all as RTypes."""
        return self._tree(path, call)

    def _tree(self, path: str, call: Call) -> Any:
        tree = {}
        file = find_file(self.server, path)
        files = [file] if file is not None and file.values.get("mimetype") != DIRECTORY_TYPE else None
        for entry in self._children(path, call) if files is None else files:
            values = entry.values
            about = {"id": rlong(entry.id), "mimetype": rstring(values.get("mimetype", ""))}
            if values.get("mimetype") == DIRECTORY_TYPE:
                about["files"] = self._tree(self._path_of(entry), call)
            about["size"] = rlong(values.get("size") or 0)
            tree[self._path_of(entry)] = rmap(about)
        return rmap(tree)

    def _children(self, path: str, call: Call) -> Sequence[Record]:
        place_in_repository(self.server, path)
        folder = path.strip("/") + "/"
        own = repository_uuid(self.store)
        return [
            file
            for file in self.store.find("OriginalFile", repo=own)
            if file.values["path"].lstrip("/") == folder.lstrip("/")
            and file.values.get("mimetype") != "Repository"
            and call.caller.visible(file)
        ]

    @staticmethod
    def _path_of(file: Record) -> str:
        return "/" + f"{file.values['path']}{file.values['name']}".lstrip("/")

    def _registered(self, path: str, call: Call) -> Record:
        file = find_file(self.server, path)
        if file is None or not call.caller.visible(file):
            raise omero.ValidationException(None, None, f"no file is registered for {path}")
        return file

    def makeDir(self, path: str, parents: bool, call: Call) -> None:
        """Make a folder and register it. Raises omero.ResourceError where it exists and `parents` is false."""
        place = place_in_repository(self.server, path)
        try:
            place.mkdir(parents=parents, exist_ok=parents)
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot make the folder {path}: {error.strerror}") from error
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            register_file(self.server, "/".join(parts[:depth]), call, DIRECTORY_TYPE)

    def register(self, path: str, mimetype: Any, call: Call) -> Any:
        """The OriginalFile of a file that is on disk."""
        if not place_in_repository(self.server, path).exists():
            raise omero.ValidationException(None, None, f"{path} does not exist")
        return load_one(call, register_file(self.server, path, call, None if mimetype is None else mimetype.val))

    # ---- single files

    def file(self, path: str, mode: str, call: Call) -> Any:
        """A RawFileStore for the path, registered if it is not yet; `mode` is "r" or "rw"."""
        existing = find_file(self.server, path)
        if existing is not None and not call.caller.visible(existing):
            raise omero.SecurityViolation(None, None, f"Cannot read {existing}")
        return self._store_of(existing or register_file(self.server, path, call), mode)

    def fileById(self, file_id: int, call: Call) -> Any:
        file = need(self.store, "OriginalFile", file_id)
        if not call.caller.visible(file):
            raise omero.SecurityViolation(None, None, f"Cannot read OriginalFile:{file_id}")
        return self._store_of(file, "r")

    def _store_of(self, file: Record, mode: str) -> Any:
        if mode not in ("r", "rw"):
            raise omero.ApiUsageException(None, None, f"a file is opened as r or rw, not as {mode}")
        service = RawFileStore(self.server, self.session, file, writable=mode == "rw")
        proxy = self.server.add_stateful(self.session, service, "omero.api.RawFileStore")
        return omero.api.RawFileStorePrx.uncheckedCast(proxy)

    def deletePaths(self, paths: Sequence[str], recursively: bool, force: bool, call: Call) -> Any:
        """Delete registered files as `Delete2` does; returns the handle of that request."""
        wanted = []
        for path in paths:
            file = self._registered(path, call)
            if file.values.get("mimetype") == DIRECTORY_TYPE and self._children(path, call):
                if not recursively:
                    raise omero.ValidationException(None, None, f"the folder {path} is not empty")
                raise refusal("ManagedRepository.deletePaths of folders that are not empty")
            wanted.append(file.id)
        from sandbox.omero.commands import handle, requests  # the commands import the repository

        request = omero.cmd.Delete2(targetObjects={"OriginalFile": wanted})
        return handle.start(self.server, self.session, call, request, requests.work_of(request))

    # ---- checksums

    def listChecksumAlgorithms(self, call: Call) -> Sequence[Any]:
        """The offered algorithms, the preferred one first."""
        return load_all(call, [self.store.enumeration("ChecksumAlgorithm", name) for name in ALGORITHMS])

    def suggestChecksumAlgorithm(self, supported: Sequence[Any], call: Call) -> Any:
        """The server's favourite among the client's; None where they share none."""
        names = {algorithm.value.val for algorithm in supported}
        chosen = next((name for name in ALGORITHMS if name in names), None)
        return None if chosen is None else load_one(call, self.store.enumeration("ChecksumAlgorithm", chosen))

    def verifyChecksums(self, file_ids: Sequence[int], call: Call) -> Sequence[int]:
        """The ids of this repository's files whose bytes are no longer those of their checksum."""
        return [file.id for file in self._own_files(file_ids) if not self._is_intact(file)]

    def setChecksumAlgorithm(self, algorithm: Any, file_ids: Sequence[int], call: Call) -> Sequence[int]:
        """Compute the files' checksums with another algorithm; returns those changed. Damaged files are refused."""
        name = algorithm.value.val
        changed = []
        for file in self._own_files(file_ids):
            hasher = file.values.get("hasher")
            if hasher is not None and hasher.values["value"] == name:
                continue
            if call.caller.restrictions(file)[EDIT]:
                raise omero.SecurityViolation(None, None, f"Cannot edit {file}")
            if not self._is_intact(file):
                raise omero.ServerError(None, None, f"hash mismatch on file ID {file.id}")
            self.store.assign(file, "hash", self._checksum(name, file))
            self.store.assign(file, "hasher", self.store.enumeration("ChecksumAlgorithm", name))
            changed.append(file.id)
        return changed

    def _own_files(self, file_ids: Sequence[int]) -> Sequence[Record]:
        own = repository_uuid(self.store)
        files = (self.store.get("OriginalFile", file_id) for file_id in file_ids)
        return [file for file in files if file is not None and file.values.get("repo") == own]

    def _is_intact(self, file: Record) -> bool:
        hasher, expected = file.values.get("hasher"), file.values.get("hash")
        if hasher is None or not expected:
            return True
        return self._checksum(hasher.values["value"], file) == str(expected).lower()

    def _checksum(self, algorithm: str, file: Record) -> str:
        try:
            return compute_checksum(algorithm, place_of(self.server, file))
        except UnknownAlgorithm as error:
            raise omero.ValidationException(None, None, str(error)) from error
        except OSError as error:
            raise omero.ResourceError(None, None, f"cannot read {file}: {error.strerror}") from error

    # ---- imports

    def importFileset(self, fileset: Any, settings: Any, call: Call) -> Any:
        """Prepare folders and objects for the fileset's files; returns the process that takes their bytes."""
        return self._publish(start_import(self.server, fileset, settings, call), settings)

    def importPaths(self, paths: Sequence[str], call: Call) -> Any:
        """`importFileset` with OMERO's defaults for files named by their client's paths."""
        if not paths:
            raise omero.ApiUsageException(None, None, "No paths provided")
        fileset = omero.model.FilesetI()
        for path in paths:
            entry = omero.model.FilesetEntryI()
            entry.setClientPath(rstring(path))
            fileset.addFilesetEntry(entry)
        fileset.linkJob(omero.model.UploadJobI())
        settings = omero.grid.ImportSettings()
        settings.checksumAlgorithm = omero.model.ChecksumAlgorithmI()
        settings.checksumAlgorithm.setValue(rstring(next(iter(ALGORITHMS))))
        return self.importFileset(fileset, settings, call)

    def _publish(self, fileset: Record, settings: Any) -> Any:
        process = ImportProcess(self.server, self.session, fileset, settings)
        proxy = self.server.add_stateful(self.session, process, "ImportProcess")
        process.proxy = omero.grid.ImportProcessPrx.uncheckedCast(proxy)
        return process.proxy

    def listImports(self, call: Call) -> Sequence[Any]:
        """The imports of the caller that were begun and have not ended, in all their sessions."""
        proxies = []
        for process in list_running_imports(self.server, self.session.user):
            if process.session is self.session:
                proxies.append(process.proxy)
            else:  # a client reaches the objects of its own session alone
                proxy = self.server.add_stateful(self.session, process, "ImportProcess")
                proxies.append(omero.grid.ImportProcessPrx.uncheckedCast(proxy))
        return proxies
