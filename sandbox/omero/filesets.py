"""The beginning of an import: folders, OriginalFiles and the Fileset with its jobs, before any byte arrives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import omero
import omero.model
from omero.rtypes import rstring, rtime

from sandbox.omero.calls import Call, now
from sandbox.omero.checksums import ALGORITHMS
from sandbox.omero.permissions import format_permissions
from sandbox.omero.records import Record
from sandbox.omero.repository_files import LOG_TYPE, place_in_repository, register_file
from sandbox.omero.repository_paths import ImportOwner, OutsideRepository, expand_template, keep_relative_paths
from sandbox.omero.services.saving import Saver

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero


def start_import(server: EmbeddedOmero, fileset: Any, settings: Any, call: Call) -> Record:
    """Save the Fileset that a client proposes and make its folder; returns the Fileset's record.

    Each used file gets a place `templatePrefix` + its path, and an OriginalFile with the settings' algorithm.
    Annotations that are linked to the Fileset object are saved with it. In a transaction.

    Raises omero.ApiUsageException for no files or no checksum algorithm, omero.ValidationException unless the
    Fileset has exactly one job, an UploadJob, and for paths that cannot be kept.
    """
    if fileset is None or fileset.sizeOfUsedFiles() < 1:
        raise omero.ApiUsageException(None, None, "No paths provided")
    if settings is None or settings.checksumAlgorithm is None:
        raise omero.ApiUsageException(None, None, "must specify checksum algorithm")
    algorithm = _algorithm_name(server, settings.checksumAlgorithm)
    upload = _only_upload_job(fileset)
    entries = fileset.copyUsedFiles()
    client_paths = [_client_path(entry) for entry in entries]
    template = _make_import_folder(server, call, client_paths)
    try:
        common, relative = keep_relative_paths(client_paths)
    except (OutsideRepository, ValueError) as error:
        raise omero.ValidationException(None, None, str(error)) from error
    if len(set(relative)) != len(relative):
        raise omero.ValidationException(None, None, "two files of the fileset have the same path")
    base = f"{template}/{common}" if common else template
    fileset.setTemplatePrefix(rstring(f"{template}/"))
    hasher = server.store.enumeration("ChecksumAlgorithm", algorithm)
    for entry, path in zip(entries, relative, strict=True):
        file = register_file(server, f"{base}/{path}", call)
        server.store.assign(file, "hasher", hasher)
        place_in_repository(server, f"{base}/{path}").parent.mkdir(parents=True, exist_ok=True)
        entry.setOriginalFile(omero.model.OriginalFileI(file.id, False))
    _describe_jobs(fileset, upload, settings, call)
    log_file = register_file(server, f"{template}.log", call, LOG_TYPE)
    upload.linkOriginalFile(omero.model.OriginalFileI(log_file.id, False))
    return Saver(call).save(fileset)


def _algorithm_name(server: EmbeddedOmero, algorithm: Any) -> str:
    if algorithm.isLoaded() and algorithm.value is not None:
        name = str(algorithm.value.val)
    else:
        record = server.store.get("ChecksumAlgorithm", algorithm.id.val) if algorithm.id is not None else None
        name = "" if record is None else str(record.values["value"])
    if name not in ALGORITHMS:
        raise omero.ValidationException(None, None, f"unknown checksum algorithm: {name}")
    return name


def _only_upload_job(fileset: Any) -> Any:
    links = fileset.copyJobLinks()
    if len(links) != 1:
        raise omero.ValidationException(
            None, None, f"a new Fileset has exactly one job link, to an UploadJob; this one has {len(links)}"
        )
    job = links[0].getChild()
    if job is None:
        raise omero.ValidationException(None, None, "Found null-UploadJob on creation")
    if not isinstance(job, omero.model.UploadJob):
        raise omero.ValidationException(None, None, f"Found non-UploadJob on creation: {type(job).__name__}")
    return job


def _client_path(entry: Any) -> str:
    if entry is None or entry.clientPath is None or not entry.clientPath.val:
        raise omero.ApiUsageException(None, None, "a file of the fileset has no clientPath")
    return str(entry.clientPath.val)


def _make_import_folder(server: EmbeddedOmero, call: Call, client_paths: Sequence[str]) -> str:
    """A new folder by the server's template; two imports of one millisecond do not share one."""
    session = call.session
    owner = ImportOwner(
        user=str(call.caller.user.values["omeName"]),
        user_id=call.caller.user.id,
        group=str(call.group.values["name"]),
        group_id=call.group.id,
        session=session.uuid,
        session_id=session.record.id,
        permissions=format_permissions(call.group.permissions or 0),
    )
    pattern = server.config.get("omero.fs.repo.path")
    while True:
        folder = expand_template(pattern, owner, datetime.now(), client_paths)
        place = place_in_repository(server, folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.mkdir()
        except FileExistsError:
            if "%time%" not in pattern:
                raise omero.ValidationException(
                    None, None, f"the template {pattern} gives no new folder for each import"
                ) from None
            continue
        return folder


def _describe_jobs(fileset: Any, upload: Any, settings: Any, call: Call) -> None:
    """Link the jobs that the server will do, and fill in what every job has to have."""
    fileset.linkJob(omero.model.MetadataImportJobI())
    fileset.linkJob(omero.model.PixelDataJobI())
    if settings.doThumbnails is not None and settings.doThumbnails.val:
        fileset.linkJob(omero.model.ThumbnailGenerationJobI())
    fileset.linkJob(omero.model.IndexingJobI())
    status = call.server.store.enumeration("JobStatus", "Running")
    moment = rtime(now())
    for link in fileset.copyJobLinks():
        job = link.getChild()
        job.setUsername(rstring(call.caller.user.values["omeName"]))
        job.setGroupname(rstring(call.group.values["name"]))
        job.setType(rstring(type(job).__name__.removesuffix("I")))
        job.setMessage(rstring("import"))
        job.setStatus(omero.model.JobStatusI(status.id, False))
        for name in ("Submitted", "ScheduledFor", "Started"):
            getattr(job, f"set{name}")(moment)
