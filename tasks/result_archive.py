"""All that a run brought back as one zip attachment, packed on its way: neither disk nor memory holds it."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.failures import FailureError
from contracts.run_results import Result, ResultFile, ResultKind
from tasks.attachments import Sink, description, link_file, upload, upload_path
from tasks.result_evidence import find_file
from tasks.result_files import copy_result, open_result
from tasks.result_home import find_homes
from tasks.result_key_values import result_key_values
from tasks.result_run import ResultRun, result_token
from tasks.retries import BRIEF_DELAYS, is_retryable

#: Label images shrink fifty-fold at any level; more effort gains little and costs hours for large runs.
LEVEL = 3


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    run, files = parameters["run"], parameters["files"]
    return f"archive-{result_token(run.token, ResultKind.ARCHIVE, files[0].run_folder)}"


@task(
    name="archive",
    task_run_name="archive of {run.run.uuid}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def archive(run: ResultRun, files: Sequence[ResultFile]) -> Result:
    """Attach one zip of all results (at least one) to what stands for the run as a whole.

    Raises:
        FailureError: as `attach`.
    """
    log = get_run_logger()
    try:
        archived = await run.in_thread(archive_once, run, files, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "attach the archive of all results") from error
    log.info("archive of %s files: attachment %s", len(files), archived.object_id)
    return archived


def archive_once(run: ResultRun, files: Sequence[ResultFile], log: Any) -> Result:
    """Leave exactly one archive of the run, whatever was there before."""
    gateway = run.session.gateway
    path = files[0].run_folder
    token = result_token(run.token, ResultKind.ARCHIVE, path)
    done = Result(path=path, kind=ResultKind.ARCHIVE, object_type="FileAnnotation", object_id=0, count=len(files))
    found = find_file(gateway, token)
    if found is not None:
        return done.model_copy(update={"object_id": found.annotation, "was_there": True})
    homes = find_homes(run, None, log)
    original = upload(
        gateway,
        upload_path(token),
        f"{run.run.workflow.name}_{run.token}.zip",
        lambda sink: pack(run, files, sink),
        stopped=lambda: run.check_not_cancelled("attach the archive of all results"),
    )
    key_values = result_key_values(run, ResultKind.ARCHIVE, path, None, None)
    return done.model_copy(update={"object_id": link_file(gateway, original, homes, description(run), key_values)})


def pack(run: ResultRun, files: Sequence[ResultFile], sink: Sink) -> None:
    """Write a zip of all files, named `<task>/<path as the workflow wrote it>`.

    Raises:
        FailureError: FILE_CHANGED for a file that is not what had come; the zip is then incomplete.
    """
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as packed:  # type: ignore[call-overload]
        for file in sorted(files, key=lambda file: file.path):
            name = PurePosixPath(*PurePosixPath(file.path).parts[2:])
            with (
                open_result(run.storage, run.group, file) as stream,
                packed.open(str(name), "w", force_zip64=file.size >= 1 << 31) as target,
            ):
                copy_result(stream, file, target.write)
