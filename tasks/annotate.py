"""Key-values on what was imported: where it came from, by whose order, through which converter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from prefect import get_run_logger, task

from blocks.image_storage import ImageStorage
from blocks.omero_failures import classify
from contracts import namespaces
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from contracts.import_source import ImportedFileset
from tasks.annotation_links import missing_links, save_links
from tasks.order_evidence import file_token
from tasks.order_run import OrderRun
from tasks.retries import DELAYS, is_retryable

#: A table of key-values beside the images, as BIOMERO reads it: one pair in each line.
METADATA_FILE = "metadata.csv"
LARGEST_METADATA = 4 << 20


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    return f"annotate-{file_token(parameters['run'].order.uuid, parameters['imported'].source)}"


@task(
    name="annotate",
    task_run_name="annotate {imported.source.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def annotate(run: OrderRun, imported: ImportedFileset) -> int:
    """Annotate every plate, or every image, of one fileset once; returns how many objects carry it."""
    log = get_run_logger()
    try:
        count = await run.in_thread(annotate_once, run, imported)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"annotate {imported.source.path!r}") from error
    log.info("%s: %s objects annotated", imported.source.path, count)
    return count


def annotate_once(run: OrderRun, imported: ImportedFileset) -> int:
    """Write what is missing of the two annotations; both are shared by all objects of the fileset."""
    gateway = run.session.gateway
    order = run.order
    metadata = read_metadata(run.storage, order.group, imported.source.path)
    written = {
        namespaces.IMPORT: biomero_pairs(order, imported, metadata),
        namespaces.PROVENANCE: provenance_pairs(order, imported),
    }
    kind, objects = ("Plate", imported.plates) if imported.plates else ("Image", imported.images)
    ids = [object_id for object_id, _ in objects]
    links: list[Any] = []
    for namespace, pairs in written.items():
        links += missing_links(gateway, kind, ids, namespace, ("UUID", str(order.uuid)), pairs)
    save_links(gateway, links)
    return len(ids)


def biomero_pairs(
    order: ImportOrder, imported: ImportedFileset, metadata: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The pairs that BIOMERO.importer writes, with its keys; `Files` names this object's own file only."""
    source = imported.source
    pairs = [
        ("UUID", str(order.uuid)),
        ("Filepath", source.path),
        ("Group", order.group),
        ("Username", order.user),
        ("DestinationType", order.destination.type.value),
        ("DestinationID", "" if imported.destination is None else str(imported.destination)),
        ("Files", source.path),
        ("FileNames", PurePosixPath(source.path).name),
        ("Imported_from", (source.processed or source.files)[0].path),
        ("Import_Timestamp", datetime.now(UTC).isoformat(timespec="seconds")),
    ]
    preprocessing = source.preprocessing
    if preprocessing is not None:
        pairs += [("preprocessing_container", preprocessing.converter), ("preprocessing_inputfile", source.path)]
        if not preprocessing.is_builtin:
            pairs += [("preprocessing_outputfolder", "/data"), ("preprocessing_altoutputfolder", "/out")]
        pairs += [(f"preprocessing_{name}", value) for name, value in preprocessing.options.items()]
    return pairs + [(f"csv_{key}", value) for key, value in metadata]


def provenance_pairs(order: ImportOrder, imported: ImportedFileset) -> list[tuple[str, str]]:
    """What BIOMERO has no key for: converter digest, checksum, the converter's own and the order's pairs."""
    source = imported.source
    pairs = [("UUID", str(order.uuid)), ("Original_Path", source.path)]
    if source.sha256 is not None:
        pairs.append(("Original_SHA256", source.sha256))
    if source.output:
        pairs.append(("Converter_Output", source.output))
    if source.preprocessing is not None:
        pairs.append(("Converter", source.preprocessing.converter))
    if source.converter_digest is not None:
        pairs.append(("Converter_Digest", source.converter_digest))
    return [*pairs, *source.key_values, *order.key_values]


def read_metadata(storage: ImageStorage, group: str, path: str) -> list[tuple[str, str]]:
    """The pairs of the `metadata.csv` beside a file of the group; none when there is no such file.

    Raises:
        FailureError: BROKEN_FILE when it is not a table of two columns in UTF-8.
    """
    name = str(PurePosixPath(path).with_name(METADATA_FILE))
    try:
        table = storage.identify(group, name)
    except FailureError as error:
        if error.failure.category in {FailureCategory.FILE_NOT_FOUND, FailureCategory.FILE_EMPTY}:
            return []
        raise
    if table.size > LARGEST_METADATA:
        raise _broken(name, f"it has {table.size} bytes")
    try:
        text = Path(table.path).read_text("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _broken(name, str(error)) from error
    pairs = []
    for number, row in enumerate(rows, start=1):
        if len(row) != 2 or not row[0].strip():
            raise _broken(name, f"line {number} has {len(row)} columns, not a key and a value")
        pairs.append((row[0].strip(), row[1].strip()))
    return pairs


def _broken(name: str, detail: str) -> FailureError:
    return fail(
        FailureCategory.BROKEN_FILE,
        f"{name!r} is not a table of keys and values.",
        detail=detail,
        next_step="Save it as CSV in UTF-8 with two columns, a key and a value, or remove it.",
    )
