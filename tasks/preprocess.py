"""Convert one file of the order by its converter, or pass it on as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task

from blocks.container_engine import ContainerRun
from blocks.omero_failures import classify
from blocks.storage_path import fingerprint
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_order import ImportOrder
from contracts.import_source import FileIdentity, ImportSource
from contracts.preprocessing import Preprocessing, read_converter_outputs
from contracts.source_file import SourceFile
from tasks import builtin_converter
from tasks.authorise import identify_fileset
from tasks.checksums import sha256
from tasks.conversion import (
    Folders,
    Manifest,
    check_outputs,
    finish,
    folders_of,
    read_manifest,
)
from tasks.order_run import OrderRun
from tasks.retries import DELAYS, is_retryable
from tasks.storage_failures import is_full, storage_failure

Sources = tuple[ImportSource, ...]


@asynccontextmanager
async def sources_of(
    run: OrderRun, file: SourceFile, permit: tuple[FileIdentity, ...], *, turn: asyncio.Semaphore
) -> AsyncIterator[Sources]:
    """What to import for one file; alternative outputs are removed at the end, well or badly.

    A conversion waits for its turn; a file that needs none does not.
    """
    if run.order.preprocessing_of(file) is None:
        checksum = await _checksum(run, permit[0])
        yield (ImportSource(path=file.path, files=permit, key_values=file.key_values, sha256=checksum),)
        return
    folders = folders_of(run.storage, run.order, file, permit[0])
    try:
        async with turn:
            sources = await preprocess(run, file, permit[0])
        yield sources
    finally:
        await run.in_thread(folders.remove_alternative)


@task(
    name="preprocess",
    task_run_name="convert {file.path}",
    persist_result=False,
    retries=len(DELAYS),
    retry_delay_seconds=DELAYS,
    retry_condition_fn=is_retryable,
)
async def preprocess(run: OrderRun, file: SourceFile, source: FileIdentity) -> Sources:
    """Convert one file; what an earlier attempt has made whole is taken as it is.

    Raises:
        FailureError: every converter category, DISK_FULL, STORAGE_UNAVAILABLE, CANCELLED.
    """
    log = get_run_logger()
    checksum = await _checksum(run, source)
    try:
        return await run.in_thread(convert_once, run, file, source, checksum, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"convert {file.path!r}") from error


def convert_once(run: OrderRun, file: SourceFile, source: FileIdentity, checksum: str | None, log: Any) -> Sources:
    """Leave exactly one whole set of outputs of this file, and name what to import."""
    preprocessing = run.order.preprocessing_of(file)
    assert preprocessing is not None
    folders = folders_of(run.storage, run.order, file, source)
    manifest = read_manifest(folders, source, preprocessing, file.series)
    made_now = manifest is None
    if manifest is not None:
        folders.remove_partial()
        log.info("%s is converted already", file.path)
    else:
        run.storage.check_unchanged(run.order.group, source)
        if run.engine is not None:
            run.engine.remove_leftovers(step_of(run.order, file))
        folders.make()
        try:
            manifest = _convert(run, file, source, preprocessing, folders, log)
            run.storage.check_unchanged(run.order.group, source)
            finish(folders, manifest)
        except BaseException:
            folders.remove_partial()
            raise
    return tuple(
        _source(run, file, folders, manifest, number, checksum, made_now) for number in range(len(manifest.outputs))
    )


def _convert(
    run: OrderRun, file: SourceFile, source: FileIdentity, preprocessing: Preprocessing, folders: Folders, log: Any
) -> Manifest:
    try:
        if preprocessing.is_builtin:
            output_root, alternative_root = str(folders.partial), str(folders.alternative)
            options = dict(preprocessing.options) | ({"series": file.series} if file.series is not None else {})
            arguments = _arguments(source.path, options, output_root, alternative_root, file.series)
            last_line = builtin_converter.convert(arguments, folder=folders.partial, log=log, stopped=run.stop.is_set)
            digest = builtin_converter.converter_version()
        else:
            if run.engine is None:
                raise fail(
                    FailureCategory.CONVERTER_NOT_AVAILABLE,
                    "There is no container engine on this site.",
                    next_step="Add [containers] to site.toml and run `omero-flows deploy`, or use --convert.",
                )
            output_root, alternative_root = "/data/.processed", "/out"
            raw = Path(source.path)
            arguments = _arguments(
                f"/data/{raw.name}", preprocessing.options, output_root, alternative_root, file.series
            )
            result = run.engine.run(
                ContainerRun(
                    image=preprocessing.converter,
                    arguments=tuple(arguments),
                    raw=raw.parent,
                    processed=folders.partial,
                    alternative=folders.alternative,
                    step=step_of(run.order, file),
                ),
                log=log,
                stopped=run.stop.is_set,
            )
            last_line, digest = result.last_line, result.digest
    except OSError as error:
        raise storage_failure(folders.partial, error) from error
    except FailureError as error:
        if error.failure.category is FailureCategory.CONVERTER_FAILED and (
            "No space left on device" in error.failure.detail or is_full(folders.partial)
        ):
            raise fail(
                FailureCategory.DISK_FULL,
                f"The disk is full; {file.path!r} was not converted.",
                detail=error.failure.detail,
                next_step="Free some space, then retry the order.",
            ) from error
        raise
    try:
        outputs = read_converter_outputs(last_line)
    except ValueError as error:
        raise fail(
            FailureCategory.CONVERTER_BROKE_CONTRACT,
            "The converter's answer cannot be read.",
            detail=str(error),
            next_step="Report it to whoever made the converter.",
        ) from error
    return Manifest(
        source=source,
        preprocessing=preprocessing,
        series=file.series,
        digest=digest,
        outputs=check_outputs(outputs, folders, output_root=output_root, alternative_root=alternative_root),
    )


def step_of(order: ImportOrder, file: SourceFile) -> str:
    """The name of one file's conversion in one order, over all its attempts."""
    return f"{order.uuid}/{file.path}@{file.series or ''}"


def _arguments(
    inputfile: str, options: dict[str, str], output_root: str, alternative_root: str, series: str | None
) -> list[str]:
    """The command line of BIOMERO's container contract, in its sequence; an empty value makes a bare flag."""
    arguments = ["--inputfile", inputfile]
    for name, value in options.items():
        arguments.append(f"--{name}")
        if value:
            arguments.append(value.replace("{series}", series or ""))
    return [*arguments, "--outputfolder", output_root, "--altoutputfolder", alternative_root]


def _source(
    run: OrderRun,
    file: SourceFile,
    folders: Folders,
    manifest: Manifest,
    number: int,
    checksum: str | None,
    made_now: bool,
) -> ImportSource:
    """One output as an import: from the alternative copy while it is fresh, else from `.processed` itself."""
    output = manifest.outputs[number]
    processed = _fileset(run, folders.final, output.path)
    files = processed
    alternative: tuple[str, ...] = ()
    if output.alternative is not None:
        place = folders.alternative / output.alternative
        alternative = tuple(
            str(place.parent / Path(item.path).relative_to((folders.final / output.path).parent)) for item in processed
        )
        if made_now:
            files = tuple(fingerprint(folders.alternative, Path(path)) for path in alternative)
    return ImportSource(
        path=file.path,
        output=output.path + (f"@{file.series}" if file.series is not None else ""),
        files=files,
        image_name=output.name if output.name != Path(output.path).name else None,
        processed=processed,
        alternative=alternative,
        key_values=output.keyvalues + file.key_values,
        preprocessing=manifest.preprocessing,
        converter_digest=manifest.digest,
        sha256=checksum,
    )


def _fileset(run: OrderRun, folder: Path, path: str) -> tuple[FileIdentity, ...]:
    return identify_fileset(folder, fingerprint(folder, folder / path))


async def _checksum(run: OrderRun, source: FileIdentity) -> str | None:
    return await run.in_thread(sha256, Path(source.path)) if run.order.hash_sources else None
