"""OME-Zarr stores among a run's results, each written as one OME-TIFF beside it, which is what OMERO is given.

A store is a folder of many files that OMERO.server reads with a plug-in only. The store itself stays where it is, and
in the run's archive.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.failures import FailureCategory, FailureError, fail
from contracts.run_results import FailedResult, ResultFile
from converters.errors import ConverterError, DiskFull, UnwritableOutput
from converters.image_file import Plane, Series
from converters.ome_tiff import Document, read_written_annotation, write_ome_tiff
from converters.partial_file import PartialFile
from converters.readers.ome_zarr import open_store
from tasks.authorise import refusal
from tasks.result_files import from_workflow, identify_result, store_of
from tasks.result_run import ResultRun
from tasks.retries import BRIEF_DELAYS, is_retryable
from tasks.storage_failures import storage_failure

#: Of the annotation in the OME-XML that says which store the pixels are from.
NAMESPACE = "omero-flows/from-zarr"
_STORE, _DIGEST = "Store", "SHA-256 of its files"
_DOCUMENTS = uuid.UUID("9e2f6f0c-6f0a-5c55-9a2e-07f0c3b0a9d4")
#: Numbers that OME-TIFF has no place for: labels are often written as 64-bit integers.
_NARROWED = {"int64": np.uint32, "uint64": np.uint32, "bool": np.uint8, "float16": np.float32}


@dataclass(frozen=True)
class ReadStores:
    """A run's files with an OME-TIFF in the place of each store; and the stores that cannot be read."""

    files: tuple[ResultFile, ...]
    failed: tuple[FailedResult, ...]


@task(
    name="read-stores",
    task_run_name="read OME-Zarr",
    persist_result=False,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def read_stores(run: ResultRun, files: Sequence[ResultFile]) -> ReadStores:
    """Write an OME-TIFF of every store, once: one that was made of the same files is used again.

    Raises:
        FailureError: DISK_FULL, STORAGE_UNAVAILABLE. Stores fail one by one.
    """
    try:
        read = await run.in_thread(read_stores_once, run, files)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "read the OME-Zarr results") from error
    if (gone := len(files) - len(read.files)) > 0:
        get_run_logger().info("%s files lie in Zarr stores; %s of these cannot be read", gone, len(read.failed))
    return read


def read_stores_once(run: ResultRun, files: Sequence[ResultFile]) -> ReadStores:
    stores: dict[str, list[ResultFile]] = defaultdict(list)
    for file in files:
        if (store := store_of(file)) is not None:
            stores[store].append(file)
    kept = [file for file in files if store_of(file) is None]
    taken = {file.path for file in kept}
    failed = []
    for store, inside in sorted(stores.items()):
        try:
            made = _write(run, store, inside, taken)
        except FailureError as error:
            if error.failure.retryable:
                raise
            failed.append(FailedResult(path=store, failure=from_workflow(error, inside[0])))
        else:
            kept += made
            taken |= {file.path for file in made}
    return ReadStores(tuple(kept), tuple(failed))


def _write(run: ResultRun, store: str, inside: Sequence[ResultFile], taken: set[str]) -> list[ResultFile]:
    """One OME-TIFF for each image of the store."""
    for file in inside:
        identify_result(run.storage, run.group, file)
    root = run.storage.folder(run.group)
    digest = hashlib.sha256("".join(sorted(f"{file.path}\0{file.sha256}\n" for file in inside)).encode()).hexdigest()
    made = []
    try:
        with open_store(root / store) as image:
            for series in image.series:
                path = _free_name(store, series.index if len(image.series) > 1 else None, taken)
                _write_series(root / path, store, digest, series)
                made.append(_listed(root, path, inside[0].task))
    except DiskFull as error:
        raise storage_failure(root / store, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
    except UnwritableOutput as error:
        raise fail(
            FailureCategory.UNKNOWN_FORMAT,
            f"{PurePosixPath(store).name!r} cannot be written as OME-TIFF.",
            detail=error.reason,
            next_step="Let the workflow write numbers of 32 bits.",
        ) from error
    except ConverterError as error:
        raise refusal(error) from error
    return made


def _write_series(target: Path, store: str, digest: str, series: Series) -> None:
    annotation = {_STORE: store, _DIGEST: digest}
    if read_written_annotation(target, NAMESPACE) == annotation:
        return
    name = PurePosixPath(store).name
    identity = uuid.uuid5(_DOCUMENTS, f"{digest}{series.index}")
    document = Document(name, f"urn:uuid:{identity}", NAMESPACE, lambda statistics: annotation)
    with PartialFile(target) as partial:
        write_ome_tiff(_narrow(target, series), partial.path, document)
        partial.commit()


def _free_name(store: str, number: int | None, taken: set[str]) -> str:
    """`labels.ome.tif` for `labels.ome.zarr`; with `.zarr` in it when the workflow wrote a file of that name too."""
    stem = store[: -len(".zarr")].removesuffix(".ome") + ("" if number is None else f"_{number}")
    return f"{stem}.ome.tif" if f"{stem}.ome.tif" not in taken else f"{stem}.zarr.ome.tif"


def _listed(root: Path, path: str, task: int) -> ResultFile:
    with (root / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ResultFile(path=path, task=task, size=(root / path).stat().st_size, sha256=digest)


def _narrow(target: Path, series: Series) -> Series:
    narrow = _NARROWED.get(series.dtype.name)
    if narrow is None:
        return series
    dtype = np.dtype(narrow)
    return Series(**{**vars(series), "dtype": dtype, "pixels": _Narrowed(target, series, dtype)})


@dataclass(frozen=True)
class _Narrowed:
    """Pixels as another type, every value of them unchanged."""

    target: Path
    series: Series
    dtype: np.dtype[Any]

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        pixels = self.series.pixels.read(z, c, t, level, x, y, width, height)
        if self.dtype == np.uint32 and pixels.size and not 0 <= pixels.min() <= pixels.max() < 1 << 32:
            raise UnwritableOutput(self.target, "its values need 64 bits, for which OME-TIFF has no pixel type")
        return pixels.astype(self.dtype)
