"""Logging in, and the client's side of an import in pure Python over OMERO's own interfaces."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import omero
import omero.callbacks
import omero.cmd
import omero.grid
import omero.model
from omero.gateway import BlitzGateway
from omero.rtypes import rbool, rstring

from sandbox.omero.checksums import compute_checksum
from sandbox.omero.server import EmbeddedOmero

PASSWORD = "secret"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_accounts(server: EmbeddedOmero) -> None:
    """Alice and Bob, members of the read-annotate group lab; Bob alone is in the group others."""
    lab = server.accounts.create_group("lab", "rwra--")
    others = server.accounts.create_group("others", "rw----")
    server.accounts.create_user("alice", PASSWORD, "Alice", "Atom", [lab])
    server.accounts.create_user("bob", PASSWORD, "Bob", "Bond", [lab, others])


def connect(server: EmbeddedOmero, user: str) -> BlitzGateway:
    return connect_to(server.tcp_port, user)


def connect_to(port: int, user: str) -> BlitzGateway:
    gateway = BlitzGateway(user, PASSWORD, host=f"tcp://127.0.0.1:{port}")
    assert gateway.connect(), gateway.getLastError()
    return gateway


@dataclass
class Outcome:
    """How an import ended: `response` is an ImportResponse or an ERR."""

    response: Any
    fileset: int
    steps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def images(self) -> list[int]:
        return [o.id.val for o in self._objects() if isinstance(o, omero.model.Image)]

    @property
    def plates(self) -> list[int]:
        return [o.id.val for o in self._objects() if isinstance(o, omero.model.Plate)]

    @property
    def pixels(self) -> list[int]:
        self._objects()
        return [pixels.id.val for pixels in self.response.pixels]

    @property
    def reason(self) -> str:
        """Why the import failed."""
        assert isinstance(self.response, omero.cmd.ERR), self.response
        return str(self.response.parameters["message"])

    def _objects(self) -> list[Any]:
        assert isinstance(self.response, omero.grid.ImportResponse), getattr(self.response, "parameters", None)
        return list(self.response.objects)


def propose_fileset(files: Sequence[Path]) -> Any:
    fileset = omero.model.FilesetI()
    for file in files:
        entry = omero.model.FilesetEntryI()
        entry.setClientPath(rstring(str(file).lstrip("/")))
        fileset.addFilesetEntry(entry)
    job = omero.model.UploadJobI()
    job.setVersionInfo([omero.model.NamedValue("omero.flows.test", "1")])
    fileset.linkJob(job)
    return fileset


def propose_settings(algorithm: str = "SHA1-160", **settings: Any) -> Any:
    made = omero.grid.ImportSettings(doThumbnails=rbool(True), noStatsInfo=rbool(False), **settings)
    made.checksumAlgorithm = omero.model.ChecksumAlgorithmI()
    made.checksumAlgorithm.value = rstring(algorithm)
    return made


def upload(process: Any, index: int, file: Path) -> None:
    store = process.getUploader(index)
    try:
        data = file.read_bytes()
        store.write(data, 0, len(data))
    finally:
        store.close()


def link_in_place(gateway: BlitzGateway, repository: Any, process: Any, index: int, file: Path) -> Path:
    """The steps of OMERO's SymlinkFileTransfer; returns the link."""
    store = process.getUploader(index)
    original = gateway.getQueryService().get("OriginalFile", store.getFileId().val, {"omero.group": "-1"})
    root = repository.root()
    location = Path(root.path.val, root.name.val, original.path.val, original.name.val)
    assert not location.exists()
    text = uuid.uuid4().hex.encode()
    store.write(text, 0, len(text))
    store.close()
    assert location.read_bytes() == text, "client and server see different folders"
    location.unlink()
    os.symlink(file, location)
    store = process.getUploader(index, {"omero.fs.mode": "r"})
    assert store.size() == file.stat().st_size
    store.save()
    store.close()
    return location


def import_files(
    gateway: BlitzGateway,
    files: Sequence[Path],
    *,
    in_place: bool = True,
    fileset: Any = None,
    algorithm: str = "SHA1-160",
    checksums: list[str] | None = None,
    **settings: Any,
) -> Outcome:
    """Import the files as one fileset and wait for the end."""
    repository = gateway.c.getManagedRepository()
    proposed = fileset if fileset is not None else propose_fileset(files)
    process = repository.importFileset(proposed, propose_settings(algorithm, **settings))
    try:
        for index, file in enumerate(files):
            if in_place:
                link_in_place(gateway, repository, process, index, file)
            else:
                upload(process, index, file)
        handle = process.verifyUpload(checksums or [compute_checksum(algorithm, file) for file in files])
    finally:
        process.close()
    return wait_for(gateway, handle)


class _Watcher(omero.callbacks.CmdCallbackI):  # type: ignore[misc]
    def __init__(self, client: Any, handle: Any, steps: list[tuple[int, int]]) -> None:
        self._steps = steps
        super().__init__(client, handle)

    def step(self, complete: int, total: int, current: Any = None) -> None:
        self._steps.append((complete, total))


def wait_for(gateway: BlitzGateway, handle: Any) -> Outcome:
    fileset = handle.getRequest().activity.parent.id.val
    steps: list[tuple[int, int]] = []
    watcher = _Watcher(gateway.c, handle, steps)
    try:
        watcher.loop(240, 500)
        return Outcome(watcher.getResponse(), fileset, steps)
    finally:
        watcher.close(True)
