"""The ln_s import over OMERO's ManagedRepository API, step by step, without Java.

The sequence of calls is that of OMERO's own importer with its symbolic link transfer: see
`omero::grid::ManagedRepository` (Repositories.ice) and "In-place import" in OMERO's documentation.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero
import omero.cmd
import omero.grid
from omero.gateway import BlitzGateway
from omero.model import (
    ChecksumAlgorithmI,
    CommentAnnotationI,
    FilesetEntryI,
    FilesetI,
    MapAnnotationI,
    NamedValue,
    UploadJobI,
)
from omero.rtypes import rbool, rstring, unwrap
from omero_version import omero_version  # type: ignore[import-untyped]

from blocks.server_command import callback_of
from contracts.failures import FailureCategory, fail
from contracts.import_source import FileIdentity
from tasks.checksums import ALGORITHMS

#: OMERO marks filesets so; `omero fs sets --with-transfer ln_s` finds them by it.
TRANSFER_NAMESPACE = "openmicroscopy.org/omero/import/fileTransfer"
SYMLINK_TRANSFER = "ome.formats.importer.transfers.SymlinkFileTransfer"

#: OMERO's default path rules refuse these in the parts of a client path (Windows and UNIX).
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*:<>?\\|]')


@dataclass(frozen=True)
class ImportRequest:
    """One fileset to import; `files[0]` is the file handed to OMERO's reader."""

    files: tuple[FileIdentity, ...]
    target: Any
    image_name: str | None
    image_annotations: tuple[MapAnnotationI, ...]
    fileset_annotations: tuple[MapAnnotationI, ...]
    hash_sources: bool


def client_path(path: str) -> str:
    """The path as OMERO's importer names it: no leading slash, no character its path rules refuse."""
    parts = []
    for part in path.strip("/").split("/"):
        safe = _UNSAFE.sub("_", part)
        parts.append(safe[:-1] + "_" if safe[-1] in " ." else safe)
    return "/".join(parts)


def import_in_place(
    gateway: BlitzGateway,
    request: ImportRequest,
    *,
    stopped: Callable[[], bool],
    check_file: Callable[[FileIdentity], None],
    started: Callable[[int], None],
) -> int:
    """Import one fileset by symbolic links and wait for the server to finish it.

    `check_file` is called with each file just before its link is made and, the link being there, just
    before OMERO reads it; `started` with the id of the fileset as soon as OMERO has made it: whatever
    fails later leaves that fileset, for the caller to delete. Returns the id of the fileset.

    Raises:
        FailureError: REPOSITORY_NOT_SHARED, CHECKSUM_MISMATCH, IMPORT_FAILED, CANCELLED.
    """
    repository = gateway.c.getManagedRepository()
    if repository is None:
        raise fail(
            FailureCategory.OMERO_REFUSED,
            "OMERO has no managed repository just now.",
            next_step="Look into OMERO's Blitz log; restart OMERO.server.",
        )
    algorithm = choose_algorithm(repository, hash_sources=request.hash_sources)
    process = repository.importFileset(_fileset(request), _settings(request, algorithm))
    try:
        uploader = process.getUploader(0)
        fileset = _fileset_of(uploader, gateway, request)
        started(fileset)
        for index, file in enumerate(request.files):
            check_file(file)
            _link(
                gateway,
                repository,
                process,
                index,
                uploader if index == 0 else process.getUploader(index),
                Path(file.path),
            )
        for file in request.files:
            check_file(file)
        compute = ALGORITHMS[algorithm]
        handle = _verify(process, [compute(Path(file.path)) for file in request.files], request)
    finally:
        process.close()
    _wait(gateway, handle, request, stopped)
    return fileset


def choose_algorithm(repository: Any, *, hash_sources: bool) -> str:
    """The algorithm the server prefers among ours: sizes first, so that no file is read a second time.

    Raises:
        FailureError: OMERO_REFUSED when the server accepts none that we can compute.
    """
    preferred = ["SHA1-160"] if hash_sources else ["File-Size-64"]
    for names in (preferred, list(ALGORITHMS)):
        suggested = repository.suggestChecksumAlgorithm([_algorithm(name) for name in names])
        name = unwrap(suggested.value) if suggested is not None else None
        if name in ALGORITHMS:
            return str(name)
    raise fail(
        FailureCategory.OMERO_REFUSED,
        "OMERO accepts no checksum algorithm that we can compute.",
        detail=f"we can compute {', '.join(ALGORITHMS)}",
        next_step="Add one of these to `omero.checksum.supported` on the OMERO server.",
    )


def _algorithm(name: str) -> ChecksumAlgorithmI:
    algorithm = ChecksumAlgorithmI()
    algorithm.value = rstring(name)
    return algorithm


def _fileset(request: ImportRequest) -> FilesetI:
    fileset = FilesetI()
    for file in request.files:
        entry = FilesetEntryI()
        entry.setClientPath(rstring(client_path(file.path)))
        fileset.addFilesetEntry(entry)
    job = UploadJobI()
    job.setVersionInfo(
        [
            NamedValue("omero.version", omero_version),
            NamedValue("os.name", platform.system()),
            NamedValue("client", "omero-flows"),
        ]
    )
    fileset.linkJob(job)
    transfer = CommentAnnotationI()
    transfer.setNs(rstring(TRANSFER_NAMESPACE))
    transfer.setTextValue(rstring(SYMLINK_TRANSFER))
    for annotation in (transfer, *request.fileset_annotations):
        fileset.linkAnnotation(annotation)
    return fileset


def _settings(request: ImportRequest, algorithm: str) -> omero.grid.ImportSettings:
    settings = omero.grid.ImportSettings()
    settings.checksumAlgorithm = _algorithm(algorithm)
    settings.doThumbnails = rbool(True)
    settings.noStatsInfo = rbool(False)
    settings.userSpecifiedTarget = request.target
    name = request.image_name or _name_that_omero_would_lose(request.files[0])
    settings.userSpecifiedName = rstring(name) if name else None
    settings.userSpecifiedAnnotationList = list(request.image_annotations)
    return settings


def _name_that_omero_would_lose(file: FileIdentity) -> str | None:
    """The file's own name if OMERO stores the file under another: it names images by what it stores."""
    name = Path(file.path).name
    return name if client_path(file.path).rpartition("/")[2] != name else None


def _fileset_of(uploader: Any, gateway: BlitzGateway, request: ImportRequest) -> int:
    """The id of the fileset that is imported: the owner of the file its first uploader writes."""
    parameters = omero.sys.ParametersI().addId(uploader.getFileId().val)
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select e.fileset.id from FilesetEntry e where e.originalFile.id = :id", parameters
        )
    )
    if not rows:
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"OMERO made no fileset for {Path(request.files[0].path).name!r}.",
            next_step="Look into OMERO's Blitz log.",
        )
    return int(rows[0][0])


def location(gateway: BlitzGateway, repository: Any, file_id: int) -> Path:
    """Where a file of the managed repository lies on disk."""
    file = gateway.c.sf.getQueryService().get("OriginalFile", file_id, {"omero.group": "-1"})
    return Path(root_of(repository), file.path.val.lstrip("/"), file.name.val)


def root_of(repository: Any) -> Path:
    """Where OMERO.server keeps its managed repository, as it sees it."""
    root = repository.root()
    return Path(root.path.val, root.name.val)


def _link(gateway: BlitzGateway, repository: Any, process: Any, index: int, uploader: Any, source: Path) -> None:
    place = location(gateway, repository, uploader.getFileId().val)
    check = _check_text(source)
    try:
        uploader.write(check, 0, len(check))
    finally:
        uploader.close()
    try:
        seen = place.read_bytes()
    except OSError as error:
        raise _not_shared(place, str(error)) from error
    if seen != check:
        raise _not_shared(place, "it does not hold what OMERO has just written there")
    try:
        place.unlink()
        place.symlink_to(source)
    except OSError as error:
        raise _not_shared(place, str(error)) from error
    uploader = process.getUploader(index, {"omero.fs.mode": "r"})
    try:
        size = uploader.size()
        if size != source.stat().st_size:
            raise _not_shared(place, f"OMERO sees {size} bytes behind the link, we see {source.stat().st_size}")
        uploader.save()
    finally:
        uploader.close()


def _check_text(source: Path) -> bytes:
    """A random text, never as long as the source: OMERO hashes again only when the size differs."""
    text = f"omero-flows {secrets.token_hex(16)}".encode()
    return text + b"." if len(text) == source.stat().st_size else text


def _not_shared(place: Path, detail: str) -> Exception:
    return fail(
        FailureCategory.REPOSITORY_NOT_SHARED,
        "This worker and OMERO.server do not see the same managed repository or the same image files.",
        detail=f"{place}: {detail}",
        next_step="Mount OMERO's ManagedRepository and the image storage under the same paths on both, writable"
        " (ManagedRepository) for the worker's account and readable (images) for OMERO's.",
    )


def _verify(process: Any, hashes: list[str], request: ImportRequest) -> Any:
    try:
        return process.verifyUpload(hashes)
    except omero.ChecksumValidationException as error:
        names = [Path(request.files[index].path).name for index in sorted(error.failingChecksums)]
        raise fail(
            FailureCategory.CHECKSUM_MISMATCH,
            f"OMERO reads other bytes than we do in {', '.join(map(repr, names))}.",
            detail=str(error.failingChecksums),
            next_step="Wait until nobody writes to the file; the step is tried again by itself.",
        ) from error


def _wait(gateway: BlitzGateway, handle: Any, request: ImportRequest, stopped: Callable[[], bool]) -> None:
    name = Path(request.files[0].path).name
    with callback_of(gateway.c, handle) as callback:
        while not callback.block(500):
            gateway.c.sf.keepAlive(None)
            if stopped():
                raise fail(
                    FailureCategory.CANCELLED,
                    f"The import of {name!r} was cancelled.",
                    next_step="Retry the order if you want it after all.",
                )
        response = callback.getResponse()
    if isinstance(response, omero.cmd.ERR):
        said = dict(response.parameters or {})
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"OMERO could not import {name!r}.",
            detail=said.get("message") or f"{response.category} {response.name}",
            next_step="Open the file in its own program; if it is whole, convert it first (for example to OME-TIFF).",
        )


def repoint(gateway: BlitzGateway, fileset: int, moves: dict[str, str]) -> None:
    """Let the links of a fileset point elsewhere, each in one atomic step; done ones are left alone.

    `moves` maps each old target to its new one. A reader sees the old or the new file, never none.
    """
    repository = gateway.c.getManagedRepository()
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select e.originalFile.id from FilesetEntry e where e.fileset.id = :id",
            omero.sys.ParametersI().addId(fileset),
        )
    )
    for (file_id,) in rows:
        place = location(gateway, repository, file_id)
        target = os.readlink(place)
        if target in moves:
            temporary = place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}")
            temporary.symlink_to(moves[target])
            temporary.replace(place)
