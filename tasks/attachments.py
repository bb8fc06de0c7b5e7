"""Files attached to objects in OMERO: the bytes go up in chunks, and the attachment exists when all of them are there.

An attachment is an OriginalFile, written first, and a FileAnnotation that is linked to its objects in one transaction,
together with the key-values that hold the result's token. Before that the OriginalFile is known by its path, which is
ours to choose: an attempt that was cut short leaves it to the next one, which writes it again from the beginning.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Sequence
from typing import Any

from omero.gateway import BlitzGateway
from omero.model import ChecksumAlgorithmI, FileAnnotationI, OriginalFileI
from omero.rtypes import rlong, rstring, unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts import namespaces
from contracts.failures import FailureCategory, FailureError, fail
from contracts.run_results import Result, ResultKind
from tasks.annotation_links import link_to
from tasks.deletion import delete_object
from tasks.result_evidence import find_file
from tasks.result_files import copy_result, open_result
from tasks.result_home import Home, find_homes
from tasks.result_key_values import KeyValues, map_annotations, result_key_values
from tasks.result_plan import BelongingFile
from tasks.result_run import ResultRun, result_token
from tasks.retries import BRIEF_DELAYS, is_retryable

#: Bytes of one call to OMERO's file store.
BLOCK = 1 << 21
#: Characters that OMERO keeps of a file's name.
LONGEST_NAME = 255


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    return f"attach-{result_token(parameters['run'].token, ResultKind.ATTACHMENT, parameters['attachment'].file.path)}"


@task(
    name="attach",
    task_run_name="attach {attachment.file.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def attach(run: ResultRun, attachment: BelongingFile) -> Result:
    """Attach one result to its input, or to what stands for the run as a whole.

    Raises:
        FailureError: INPUT_GONE, DESTINATION_NOT_WRITABLE, CHECKSUM_MISMATCH, and what reading a result raises.
    """
    log = get_run_logger()
    try:
        attached = await run.in_thread(attach_once, run, attachment, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"attach {attachment.file.path!r}") from error
    log.info("%s: attachment %s%s", attached.path, attached.object_id, " (was there)" if attached.was_there else "")
    return attached


def attach_once(run: ResultRun, attachment: BelongingFile, log: Any) -> Result:
    """Leave exactly one attachment of this result, whatever was there before."""
    file, input = attachment.file, attachment.input
    gateway = run.session.gateway
    token = result_token(run.token, ResultKind.ATTACHMENT, file.path)
    done = Result(
        path=file.path,
        kind=ResultKind.ATTACHMENT,
        object_type="FileAnnotation",
        object_id=0,
        input=input.image if input is not None else None,
    )
    found = find_file(gateway, token)
    if found is not None:
        return done.model_copy(update={"object_id": found.annotation, "was_there": True})
    homes = find_homes(run, input, log)
    with open_result(run.storage, run.group, file) as stream:
        original = upload(
            gateway,
            upload_path(token),
            file.name,
            lambda sink: copy_result(stream, file, sink.write),
            stopped=lambda: run.check_not_cancelled(f"attach {file.name!r}"),
        )
    key_values = result_key_values(run, ResultKind.ATTACHMENT, file.path, file.task, input, file.sha256)
    return done.model_copy(update={"object_id": link_file(gateway, original, homes, description(run), key_values)})


def description(run: ResultRun) -> str:
    """What clients show beside an attachment."""
    return f"Result of {run.run.workflow.name} {run.facts.version}, run {run.token}"


def upload_path(token: str) -> str:
    """The path under which a result's OriginalFile is found before anything refers to it."""
    return f"omero-flows/{token}/"


def link_file(
    gateway: BlitzGateway, file: int, homes: Sequence[Home], said: str, key_values: Sequence[KeyValues]
) -> int:
    """Attach an OriginalFile to its objects, with its key-values, in one transaction; the id of the FileAnnotation."""
    annotation = FileAnnotationI()
    annotation.setNs(rstring(namespaces.RESULT_FILE))
    annotation.setDescription(rstring(said))
    annotation.setFile(OriginalFileI(file, False))
    for key_value in map_annotations(key_values):
        annotation.linkAnnotation(key_value)
    links = [link_to(home.kind, home.id, annotation) for home in homes]
    saved = gateway.c.sf.getUpdateService().saveAndReturnArray(links)
    return int(saved[0].child.id.val)


class Sink:
    """Bytes on their way into a file of OMERO, in blocks of `BLOCK`; for `zipfile` it is a file that cannot seek."""

    def __init__(self, store: Any, stopped: Callable[[], object]) -> None:
        self._store = store
        self._stopped = stopped
        self._buffer = bytearray()
        self._digest = hashlib.sha1(usedforsecurity=False)
        self.size = 0

    def write(self, data: bytes) -> int:
        self._buffer += data
        while len(self._buffer) >= BLOCK:
            self._send(bytes(self._buffer[:BLOCK]))
            del self._buffer[:BLOCK]
        return len(data)

    def flush(self) -> None:
        """Nothing: blocks go when they are full, the last one at the end."""

    def finish(self) -> str:
        """Send what is left; returns the SHA-1 of all of it, in hexadecimal."""
        if self._buffer:
            self._send(bytes(self._buffer))
            self._buffer.clear()
        return self._digest.hexdigest()

    def _send(self, block: bytes) -> None:
        self._stopped()
        self._store.write(block, self.size, len(block))
        self._digest.update(block)
        self.size += len(block)


def upload(
    gateway: BlitzGateway, path: str, name: str, write: Callable[[Sink], object], *, stopped: Callable[[], object]
) -> int:
    """Write an OriginalFile, anew if an earlier attempt began it; returns its id.

    `write` gets a sink for the bytes; `stopped` is called before each block and raises when the work shall end.

    Raises:
        FailureError: CHECKSUM_MISMATCH when OMERO has other bytes than were sent.
    """
    original = _find_or_create(gateway, path, name)
    try:
        _fill(gateway, original, name, write, stopped)
    except FailureError as error:
        if not error.failure.retryable:
            delete_object(gateway, "OriginalFile", original)
        raise
    return original


def _fill(
    gateway: BlitzGateway,
    original: int,
    name: str,
    write: Callable[[Sink], object],
    stopped: Callable[[], object],
) -> None:
    store = gateway.c.sf.createRawFileStore()
    try:
        store.setFileId(original)
        if store.exists() and store.size() > 0:
            store.truncate(0)
        sink = Sink(store, stopped)
        write(sink)
        sent = sink.finish()
        saved = store.save()
        size = store.size() if sink.size else 0
    finally:
        store.close()
    if size != sink.size or (saved is not None and sink.size and unwrap(saved.hash) != sent):
        raise fail(
            FailureCategory.CHECKSUM_MISMATCH,
            f"OMERO has other bytes of {name!r} than were sent.",
            detail=f"sent {sink.size} bytes with SHA-1 {sent}, OMERO has {size} bytes",
            next_step="Nothing; the step is tried again by itself.",
        )


def _find_or_create(gateway: BlitzGateway, path: str, name: str) -> int:
    """The OriginalFile at a path of ours; empty when it is new."""
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select f.id from OriginalFile f where f.path = :path order by f.id",
            ParametersI().addString("path", path),
        )
    )
    if rows:
        return int(rows[0][0])
    file = OriginalFileI()
    file.setPath(rstring(path))
    file.setName(rstring(name if len(name) <= LONGEST_NAME else name[-LONGEST_NAME:]))
    kind, encoding = mimetypes.guess_type(name)
    file.setMimetype(rstring(kind if kind and not encoding else "application/octet-stream"))
    file.setSize(rlong(0))
    file.setHash(rstring(hashlib.sha1(usedforsecurity=False).hexdigest()))
    algorithm = ChecksumAlgorithmI()
    algorithm.setValue(rstring("SHA1-160"))
    file.setHasher(algorithm)
    return int(gateway.c.sf.getUpdateService().saveAndReturnObject(file).id.val)
