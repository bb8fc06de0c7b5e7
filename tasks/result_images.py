"""Key-values on result images, or on the plates they make: on what this run's own import made, and on nothing else."""

from __future__ import annotations

from typing import Any

from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.failures import FailureError
from contracts.import_source import ImportedFileset
from contracts.run_results import Result, ResultKind
from tasks.annotation_links import missing_links, save_links
from tasks.result_key_values import result_key_values
from tasks.result_plan import ResultImage
from tasks.result_run import ResultRun, result_token
from tasks.retries import BRIEF_DELAYS, is_retryable


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    token = result_token(parameters["run"].token, ResultKind.IMAGE, parameters["image"].file.path)
    return f"annotate-result-{token}"


@task(
    name="annotate-result",
    task_run_name="annotate {image.file.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def annotate_result(run: ResultRun, image: ResultImage, imported: ImportedFileset) -> tuple[Result, ...]:
    """Annotate every image (or plate) of one imported result once; returns what the result became."""
    try:
        results = await run.in_thread(annotate_once, run, image, imported)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"annotate {image.file.path!r}") from error
    get_run_logger().info("%s: %s objects annotated", image.file.path, len(results))
    return results


def annotate_once(run: ResultRun, image: ResultImage, imported: ImportedFileset) -> tuple[Result, ...]:
    """Write what is missing of the annotations, all in one transaction."""
    gateway = run.session.gateway
    file, input = image.file, image.input
    kind, objects = ("Plate", imported.plates) if imported.plates else ("Image", imported.images)
    ids = [object_id for object_id, _ in objects]
    links: list[Any] = []
    for namespace, identity, pairs in result_key_values(
        run, ResultKind.IMAGE, file.path, file.task, input, file.sha256
    ):
        links += missing_links(gateway, kind, ids, namespace, identity, pairs)
    save_links(gateway, links)
    return tuple(
        Result(
            path=file.path,
            kind=ResultKind.IMAGE,
            object_type=kind,
            object_id=object_id,
            input=input.image if input is not None else None,
            was_there=imported.was_there,
        )
        for object_id in ids
    )
