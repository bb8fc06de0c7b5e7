"""What an input says of the runs that used it: one annotation a run, shared by all of its inputs."""

from __future__ import annotations

from typing import Any

from omero.gateway import BlitzGateway
from omero.model import MapAnnotationI
from omero.rtypes import unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.failures import FailureError
from tasks.annotation_links import link_to
from tasks.key_values import map_annotation
from tasks.result_home import AT_ONCE
from tasks.result_key_values import input_key_values
from tasks.result_run import ResultRun
from tasks.retries import BRIEF_DELAYS, is_retryable


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    return f"mark-inputs-{parameters['run'].token}"


@task(
    name="mark-inputs",
    task_run_name="mark inputs",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def mark_inputs(run: ResultRun) -> tuple[int, ...]:
    """Let every input say that this run used it; returns the ids of those that cannot."""
    try:
        unmarked = await run.in_thread(mark_once, run)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "write on the inputs which run used them") from error
    log = get_run_logger()
    log.info("%s inputs marked", len(run.staged) - len(unmarked))
    if unmarked:
        log.warning("Inputs that were deleted or that %s may not annotate: %s", run.session.user, unmarked)
    return unmarked


def mark_once(run: ResultRun) -> tuple[int, ...]:
    """Link the run's annotation to every input that has no link to it yet."""
    gateway = run.session.gateway
    namespace, (key, value), pairs = input_key_values(run.run, run.facts)
    annotation = _find(gateway, namespace, key, value)
    images = sorted({item.image for item in run.staged})
    unmarked: list[int] = []
    for begin in range(0, len(images), AT_ONCE):
        ids = images[begin : begin + AT_ONCE]
        writable = _writable(gateway, ids)
        unmarked += [image for image in ids if image not in writable]
        missing = writable - _marked(gateway, annotation, ids)
        if not missing:
            continue
        child = map_annotation(namespace, pairs) if annotation is None else MapAnnotationI(annotation, False)
        links = [link_to("Image", image, child) for image in sorted(missing)]
        saved = gateway.c.sf.getUpdateService().saveAndReturnArray(links)
        annotation = int(saved[0].child.id.val)
    return tuple(unmarked)


def _find(gateway: BlitzGateway, namespace: str, key: str, value: str) -> int | None:
    """The run's annotation, once some input carries it."""
    parameters = ParametersI().addString("ns", namespace)
    parameters.addString("key", key)
    parameters.addString("value", value)
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select a.id from MapAnnotation a join a.mapValue v "
            "where a.ns = :ns and v.name = :key and v.value = :value order by a.id",
            parameters,
        )
    )
    return int(rows[0][0]) if rows else None


def _writable(gateway: BlitzGateway, ids: list[int]) -> set[int]:
    """Which of the images are there and may be annotated."""
    images = gateway.c.sf.getQueryService().findAllByQuery(
        "select i from Image i where i.id in (:ids)", ParametersI().addIds(ids)
    )
    return {image.id.val for image in images if image.details.permissions.canAnnotate()}


def _marked(gateway: BlitzGateway, annotation: int | None, ids: list[int]) -> set[int]:
    if annotation is None:
        return set()
    parameters = ParametersI().addIds(ids)
    parameters.addLong("annotation", annotation)
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select l.parent.id from ImageAnnotationLink l where l.parent.id in (:ids) and l.child.id = :annotation",
            parameters,
        )
    )
    return {row[0] for row in rows}
