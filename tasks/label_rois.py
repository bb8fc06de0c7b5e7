"""The objects of a label image as ROIs of the input image, each once.

One ROI an object, with a shape on every plane that the object is on (and one for each of its parts, as polygons); the
shapes' text is the object's number. All ROIs of one label image carry one annotation with its token, saved in the same
transaction as they are: so the numbers that are missing are known after any interruption, and only they are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from omero.gateway import BlitzGateway
from omero.model import ImageI, LengthI, MapAnnotationI, MaskI, PolygonI, RoiI
from omero.model.enums import UnitsLength
from omero.rtypes import rdouble, rint, rstring, unwrap
from omero.sys import ParametersI
from prefect import get_run_logger, task

from blocks.omero_failures import classify
from contracts.analysis_run import RoiShape
from contracts.failures import FailureCategory, FailureError, fail
from contracts.run_results import NotALabelImage, Result, ResultFile, ResultKind
from contracts.staged_input import StagedInput
from tasks.key_values import map_annotation
from tasks.label_image import LabelImage, NotLabels, Planes, Sizes, Spots, does_not_fit, open_label_image
from tasks.label_shapes import mask_of, points_text, polygons_of
from tasks.result_evidence import find_evidence
from tasks.result_files import identify_result, path_of
from tasks.result_home import find_homes
from tasks.result_key_values import result_key_values
from tasks.result_plan import BelongingFile
from tasks.result_run import ResultRun, result_token
from tasks.retries import BRIEF_DELAYS, is_retryable

#: One transaction's worth: ROIs, and pixels of their bounding boxes.
ROIS_AT_ONCE, PIXELS_AT_ONCE = 500, 1 << 24
#: RGB of neighbours by their numbers, told apart also by people who do not see red and green (after Okabe and Ito).
_COLOURS = (0xE69F00, 0x56B4E9, 0x009E73, 0xF0E442, 0x0072B2, 0xD55E00, 0xCC79A7)
#: OMERO.web's viewer takes an alpha of 0 for none given, and fills the polygon.
_OPAQUE, _HALF, _CLEAR = 0xFF, 0x80, 0x01

#: An object: its number and, where channels have objects of their own, its channel.
_Key = tuple[int, int | None]


def _cache_key(context: Any, parameters: dict[str, Any]) -> str:
    return f"rois-{result_token(parameters['run'].token, ResultKind.ROIS, parameters['labels'].file.path)}"


@task(
    name="make-rois",
    task_run_name="ROIs of {labels.file.path}",
    persist_result=True,
    result_serializer="json",
    cache_key_fn=_cache_key,
    retries=len(BRIEF_DELAYS),
    retry_delay_seconds=BRIEF_DELAYS,
    retry_condition_fn=is_retryable,
)
async def make_rois(run: ResultRun, labels: BelongingFile) -> Result | NotALabelImage:
    """Make ROIs of what is a label image, and say why of what is not.

    Raises:
        FailureError: LABELS_DO_NOT_FIT, INPUT_GONE, DESTINATION_NOT_WRITABLE, and what reading a result raises.
    """
    log = get_run_logger()
    try:
        made = await run.in_thread(rois_once, run, labels, log)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"make ROIs of {labels.file.path!r}") from error
    if isinstance(made, NotALabelImage):
        log.info("%s is no label image: %s", made.path, made.reason)
    else:
        log.info("%s: %s ROIs%s", made.path, made.count, " (were there already)" if made.was_there else "")
    return made


def rois_once(run: ResultRun, labels: BelongingFile, log: Any) -> Result | NotALabelImage:
    """Leave exactly one ROI for each object of a label image on its input, whatever was there before."""
    file, input = labels.file, labels.input
    gateway = run.session.gateway
    token = result_token(run.token, ResultKind.ROIS, file.path)
    annotation, expected = _find_annotation(gateway, token)
    if input is not None and annotation is not None and _count(gateway, annotation) == expected:
        return _made(file, input, expected, was_there=True)
    identify_result(run.storage, run.group, file)
    try:
        with open_label_image(path_of(run.storage, run.group, file)) as image:
            spots = image.find_spots()
            if input is None:
                raise does_not_fit(file.name, "it belongs to no single input")
            find_homes(run, input, log)
            planes = image.planes_in(_sizes_of(gateway, input))
            count = len(_starts(spots))
            if count == 0:
                return _made(file, input, 0)
            if annotation is None:
                annotation = _save_annotation(run, labels, count)
            missing = _Missing(spots, planes, _existing(gateway, annotation))
            for batch in missing.batches():
                run.check_not_cancelled(f"make the rest of the ROIs of {file.name!r}")
                rois = _rois(run, input, image, batch, planes, annotation)
                gateway.c.sf.getUpdateService().saveArray(rois)
    except NotLabels as error:
        return NotALabelImage(path=file.path, reason=str(error))
    return _made(file, input, count)


def _made(file: ResultFile, input: StagedInput, count: int, *, was_there: bool = False) -> Result:
    return Result(
        path=file.path,
        kind=ResultKind.ROIS,
        object_type="Image",
        object_id=input.image,
        input=input.image,
        count=count,
        was_there=was_there,
    )


class _Missing:
    """The objects that have no ROI yet, in batches of whole objects."""

    def __init__(self, spots: Spots, planes: Planes, existing: set[_Key]) -> None:
        self._spots = spots
        self._planes = planes
        self._existing = existing

    def batches(self) -> Iterator[Spots]:
        spots, starts = self._spots, _starts(self._spots)
        ends = np.r_[starts[1:], len(spots)]
        sizes = (spots["bottom"] - spots["top"]).astype(np.int64) * (spots["right"] - spots["left"])
        batch: list[Spots] = []
        pixels = 0
        for start, end in zip(starts, ends, strict=True):
            if _key(spots[start], self._planes) in self._existing:
                continue
            size = int(sizes[start:end].sum())
            if batch and (len(batch) == ROIS_AT_ONCE or pixels + size > PIXELS_AT_ONCE):
                yield np.concatenate(batch)
                batch, pixels = [], 0
            batch.append(spots[start:end])
            pixels += size
        if batch:
            yield np.concatenate(batch)


def _starts(spots: Spots) -> Any:
    """Where each object's spots begin."""
    if len(spots) == 0:
        return np.empty(0, np.intp)
    changes = (np.diff(spots["label"]) != 0) | (np.diff(spots["c"]) != 0)
    return np.flatnonzero(np.r_[True, changes])


def _key(spot: Any, planes: Planes) -> _Key:
    return int(spot["label"]), planes.place(int(spot["z"]), int(spot["c"]), int(spot["t"]))[1]


def _rois(
    run: ResultRun, input: StagedInput, image: LabelImage, batch: Spots, planes: Planes, annotation: int
) -> list[RoiI]:
    """Unsaved ROIs of whole objects, in the sequence of the objects."""
    shapes: dict[_Key, list[Any]] = {_key(spot, planes): [] for spot in batch}
    by_plane: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, spot in enumerate(batch):
        by_plane[int(spot["t"]), int(spot["z"]), int(spot["c"])].append(index)
    for t, z, c in sorted(by_plane):
        where = planes.place(z, c, t)
        for spot, cut in image.cut_out(batch[by_plane[t, z, c]]):
            drawn = _shapes(run.run.results.rois, cut, int(spot["top"]), int(spot["left"]), int(spot["label"]))
            for shape in drawn:
                _place(shape, where)
            shapes[_key(spot, planes)] += drawn
    rois = []
    for drawn in shapes.values():
        roi = RoiI()
        # BIOMERO's name for the ROIs of a run, by which sites find and clear them.
        roi.setName(rstring(f"{run.run.workflow.name}__{run.token}"))
        roi.setImage(ImageI(input.image, False))
        roi.linkAnnotation(MapAnnotationI(annotation, False))
        for shape in drawn:
            roi.addShape(shape)
        rois.append(roi)
    return rois


def _shapes(kind: RoiShape | None, cut: Any, top: int, left: int, label: int) -> list[Any]:
    shapes: list[Any] = []
    if kind is RoiShape.MASKS:
        drawn = mask_of(cut, top, left)
        mask = MaskI()
        mask.setX(rdouble(drawn.x))
        mask.setY(rdouble(drawn.y))
        mask.setWidth(rdouble(drawn.width))
        mask.setHeight(rdouble(drawn.height))
        mask.setBytes(drawn.bits)
        mask.setFillColor(_colour(label, _HALF))
        shapes.append(mask)
    else:
        for ring in polygons_of(cut, top, left):
            polygon = PolygonI()
            polygon.setPoints(rstring(points_text(ring)))
            polygon.setFillColor(_colour(label, _CLEAR))
            shapes.append(polygon)
    for shape in shapes:
        shape.setTextValue(rstring(str(label)))
        shape.setStrokeColor(_colour(label, _OPAQUE))
        shape.setStrokeWidth(LengthI(1.0, UnitsLength.PIXEL))
    return shapes


def _place(shape: Any, where: tuple[int | None, int | None, int | None]) -> None:
    z, c, t = where
    shape.setTheZ(None if z is None else rint(z))
    shape.setTheC(None if c is None else rint(c))
    shape.setTheT(None if t is None else rint(t))


def _colour(label: int, alpha: int) -> Any:
    """Red, green, blue and alpha, one byte each, as the signed number that OMERO keeps."""
    value = _COLOURS[label % len(_COLOURS)] << 8 | alpha
    return rint(value - (1 << 32) if value >= 1 << 31 else value)


def _find_annotation(gateway: BlitzGateway, token: str) -> tuple[int | None, int]:
    """The annotation that an earlier attempt made for these ROIs, and how many of them it promises."""
    for found in find_evidence(gateway, token):
        return found.annotation, int(found.pairs["ROIs"])
    return None, -1


def _count(gateway: BlitzGateway, annotation: int) -> int:
    rows = gateway.c.sf.getQueryService().projection(
        "select count(l.id) from RoiAnnotationLink l where l.child.id = :id", ParametersI().addId(annotation)
    )
    return int(unwrap(rows)[0][0])


def _existing(gateway: BlitzGateway, annotation: int) -> set[_Key]:
    rows = gateway.c.sf.getQueryService().projection(
        "select distinct s.textValue, s.theC from Shape s join s.roi r join r.annotationLinks l where l.child.id = :id",
        ParametersI().addId(annotation),
    )
    # A text that somebody has changed meanwhile tells no number any more.
    return {(int(text), channel) for text, channel in unwrap(rows) if text and text.isdecimal()}


def _save_annotation(run: ResultRun, labels: BelongingFile, count: int) -> int:
    file = labels.file
    *_, (namespace, _, pairs) = result_key_values(run, ResultKind.ROIS, file.path, file.task, labels.input, file.sha256)
    annotation = map_annotation(namespace, (*pairs, ("ROIs", str(count))))
    saved = run.session.gateway.c.sf.getUpdateService().saveAndReturnObject(annotation)
    return int(saved.id.val)


def _sizes_of(gateway: BlitzGateway, input: StagedInput) -> Sizes:
    rows = unwrap(
        gateway.c.sf.getQueryService().projection(
            "select p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT from Pixels p where p.image.id = :id",
            ParametersI().addId(input.image),
        )
    )
    if not rows:
        raise fail(
            FailureCategory.INPUT_GONE,
            f"The input image {input.name!r} has no pixels in OMERO any more.",
            next_step="If it was deleted on purpose, nothing; the result's file stays in the image storage.",
        )
    x, y, z, c, t = (int(size) for size in rows[0])
    return x, y, z, c, t
