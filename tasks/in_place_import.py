"""Import one file, of an order or of a run's results, into OMERO by symbolic link, exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omero.gateway import BlitzGateway
from prefect import get_run_logger, task
from prefect.concurrency.asyncio import concurrency

from blocks.omero_failures import classify
from contracts.destination import DestinationType
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity, ImportedFileset, ImportSource, Named
from tasks import managed_repository
from tasks.destinations import check_kind
from tasks.import_work import ImportWork
from tasks.order_evidence import (
    Evidence,
    delete_fileset,
    file_token,
    find_evidence,
    images_of,
    plates_of,
    token_annotation,
    wait_for_running_import,
)
from tasks.retries import DELAYS, is_retryable

#: Seconds a slot of the server's import limit stays taken after its holder died.
LEASE_SECONDS = 60


def fileset_cache_key(context: Any, parameters: dict[str, Any]) -> str:
    """One import of one fileset of one order, whichever engine does it."""
    run, source = parameters["run"], parameters["source"]
    return f"in-place-import-{file_token(run.token, source)}"


@task(
    name="in-place-import",
    task_run_name="import {source.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=fileset_cache_key,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def in_place_import(run: ImportWork, source: ImportSource) -> ImportedFileset:
    """Import one fileset: adopt it when it is there, clear away a half-made one, else import it.

    The steps run in a thread, so that heartbeats and cancellation go on meanwhile.
    """
    log = get_run_logger()
    async with concurrency(run.server.limit_name, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=False):
        try:
            imported = await run.in_thread(import_once, run, source, log)
        except FailureError:
            raise
        except Exception as error:
            raise classify(error, f"import {source.path!r}") from error
    log.info(
        "%s: fileset %s with %s images%s",
        source.path,
        imported.fileset,
        len(imported.images),
        " (was there already)" if imported.was_there else "",
    )
    return imported


def import_once(run: ImportWork, source: ImportSource, log: Any) -> ImportedFileset:
    """Leave exactly one fileset of this file with all its images in OMERO, whatever was there before."""
    gateway = run.session.gateway
    imported = settle(run, source, find_evidence(gateway, run.token, source), log)
    if imported is None:
        run.check_not_cancelled(f"import {source.path!r}")
        imported = _import_afresh(run, source, log)
    if source.alternative:
        moves = {old: new.path for old, new in zip(source.alternative, source.processed, strict=True)}
        for file in source.processed:
            run.storage.check_unchanged(run.group, file)
        managed_repository.repoint(run.session.gateway, imported.fileset, moves)
    return imported


def settle(run: ImportWork, source: ImportSource, evidence: Evidence, log: Any) -> ImportedFileset | None:
    """Bring an earlier attempt to an end: wait for it, adopt it or delete it."""
    gateway = run.session.gateway
    if evidence.unfinished and evidence.imported is None:
        for fileset in evidence.unfinished:
            if wait_for_running_import(gateway, fileset, stopped=run.stop.is_set):
                log.info("OMERO was still importing fileset %s; it has ended", fileset)
        evidence = find_evidence(gateway, run.token, source)
    for fileset in evidence.unfinished:
        log.warning("Fileset %s is left from an attempt that was cut short; deleting it", fileset)
        delete_fileset(gateway, fileset)
    return evidence.imported


def _import_afresh(run: ImportWork, source: ImportSource, log: Any) -> ImportedFileset:
    for file in source.files:
        _check_unchanged(run, source, file)
    target = run.find_target(log)
    gateway = run.session.gateway
    request = managed_repository.ImportRequest(
        files=source.files,
        target=target,
        image_name=source.image_name,
        image_annotations=(token_annotation(run.token, source),),
        fileset_annotations=(token_annotation(run.token, source),),
        hash_sources=run.hash_sources,
    )
    begun: list[int] = []
    try:
        fileset = managed_repository.import_in_place(
            gateway,
            request,
            stopped=run.stop.is_set,
            started=begun.append,
            check_file=lambda file: _check_unchanged(run, source, file),
        )
        for file in source.files:
            _check_unchanged(run, source, file)
        images, plates = images_of(gateway, fileset), plates_of(gateway, fileset)
        check_images(run.destination.type, source, images, plates)
        # Nobody annotates what a cancelled run imported: an import that was too fast to be stopped is undone.
        run.check_not_cancelled(f"finish the import of {source.path!r}")
    except BaseException as error:
        _undo(gateway, begun, error, log)
        raise
    return ImportedFileset(source=source, fileset=fileset, images=images, plates=plates, destination=target.id.val)


def _undo(gateway: BlitzGateway, begun: list[int], error: BaseException, log: Any) -> None:
    """Delete what a failed import left; when OMERO is gone the next attempt does it, led by the token."""
    for fileset in begun:
        try:
            delete_fileset(gateway, fileset)
        except Exception as second:  # noqa: BLE001  the first error is the one to report; the token leads back here
            log.warning("Fileset %s of the failed import (%s) is still there: %s", fileset, error, second)


def _check_unchanged(run: ImportWork, source: ImportSource, file: FileIdentity) -> None:
    if _is_alternative(run, file):
        return
    run.storage.check_unchanged(run.group, file)


def _is_alternative(run: ImportWork, file: FileIdentity) -> bool:
    """True for a converter's alternative output, which lies outside the group's folder."""
    alternative = run.storage.alternative
    return alternative is not None and Path(file.path).is_relative_to(Path(alternative).resolve())


def check_images(kind: DestinationType, source: ImportSource, images: Named, plates: Named) -> None:
    """Make sure that OMERO made of the file what goes into the order's destination.

    Raises:
        FailureError: BAD_REQUEST; IMPORT_FAILED when there is no image at all.
    """
    if not images:
        raise fail(
            FailureCategory.IMPORT_FAILED,
            f"OMERO imported {source.path!r} but made no image of it.",
            next_step="Look into OMERO's Blitz log.",
        )
    check_kind(kind, source.path, holds_plate=bool(plates))
