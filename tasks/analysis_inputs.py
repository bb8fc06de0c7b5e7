"""What does this run analyse, and may this user, in this group, do so? Nothing is written, nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from blocks.omero_failures import classify
from blocks.omero_session import OmeroSession
from contracts.analysis_run import MOST_IMAGES, AnalysisInputs, AnalysisRun, ResultOptions
from contracts.failures import FailureCategory, FailureError, fail
from tasks.destinations import check_destination
from tasks.input_queries import InputQueries, Seen, SeenAttachment, SeenImage, WellField

#: Ids and names in one sentence; the detail has some more.
_FEW, _SOME = 5, 200
#: Where an image lies that is in no Dataset: before all Datasets.
_NOWHERE = -1


@dataclass(frozen=True)
class InputImage:
    """An image to analyse, and the Dataset that it is taken from; None: from a plate, or it lies in none.

    `field`: where it lies in a plate of the run.
    """

    seen: SeenImage
    dataset: int | None
    field: WellField | None = None


@dataclass(frozen=True)
class ResolvedInputs:
    """All images, each once, in the order of their names; the plates by id; and for each file parameter its
    attachments.
    """

    images: tuple[InputImage, ...]
    attachments: Mapping[str, tuple[SeenAttachment, ...]]
    plates: Mapping[int, Seen]


def resolve_inputs(run: AnalysisRun, session: OmeroSession) -> ResolvedInputs:
    """Find all that the run analyses, in a dozen queries at most, and refuse what cannot be analysed.

    Datasets come in the order of their names, then plates; in a dataset images by name and id, in a plate by well
    and field. An image that is named twice, by itself or by several containers, is there once.

    Raises:
        FailureError: UNKNOWN_INPUT (not there, deleted, not readable, of another group), EMPTY_INPUT, TOO_MANY_IMAGES,
            UNUSABLE_INPUT (no pixels, an attachment without a file), BAD_REQUEST (no place for the results),
            DESTINATION_NOT_WRITABLE, UNKNOWN_DESTINATION, and what a login raises.
    """
    try:
        session.log_in()
        if run.results.destination is not None:
            check_destination(session, run.results.destination)
        return _Resolver(session).resolve(run)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "look up what is to be analysed") from error


class _Resolver:
    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._ask = InputQueries(session)

    def resolve(self, run: AnalysisRun) -> ResolvedInputs:
        attachments = self._attachments(run.inputs.attachments)
        plates = self._containers("Plate", run.inputs.plates)
        images = self._images(run.inputs, plates)
        self._check_results(run.results, images)
        return ResolvedInputs(images, attachments, plates)

    # ---- images

    def _images(self, inputs: AnalysisInputs, plates: Mapping[int, Seen]) -> tuple[InputImage, ...]:
        datasets = self._containers("Dataset", inputs.datasets)
        for count in (self._ask.count_in_datasets(datasets), self._ask.count_in_plates(plates)):
            _check_number(count)  # before the images themselves are asked for
        linked = self._ask.links_of_datasets(datasets)
        fields = self._ask.fields_of_plates(plates)
        self._check_not_empty("Dataset", datasets, {dataset for dataset, _ in linked})
        self._check_not_empty("Plate", plates, {field.plate for field in fields})
        wanted = {*inputs.images, *(image for _, image in linked), *(field.image for field in fields)}
        _check_number(len(wanted))
        seen = self._ask.images(wanted)
        check_seen(self._session, "Image", wanted, seen)
        self._check_pixels(seen.values())
        elsewhere = wanted - {image for _, image in linked} - {field.image for field in fields}
        parents = self._ask.datasets_of_images(elsewhere)
        places = [(*_key(datasets[dataset]), seen[image].name, image) for dataset, image in linked]
        places += [(*_key(parents.get(image)), seen[image].name, image) for image in elsewhere]
        fields = sorted(fields, key=lambda field: (_key(plates[field.plate]), field))
        lies: dict[int, WellField] = {}
        for field in fields:
            lies.setdefault(field.image, field)
        ordered: dict[int, InputImage] = {}
        for _, dataset, _, image in sorted(places):
            parent = None if dataset == _NOWHERE else dataset
            ordered.setdefault(image, InputImage(seen[image], parent, lies.get(image)))
        for field in fields:
            ordered.setdefault(field.image, InputImage(seen[field.image], None, field))
        return tuple(ordered.values())

    def _containers(self, kind: str, ids: Collection[int]) -> dict[int, Seen]:
        found = self._ask.containers(kind, ids)
        check_seen(self._session, kind, ids, found)
        return found

    def _check_not_empty(self, kind: str, containers: Mapping[int, Seen], filled: set[int]) -> None:
        empty = [containers[id] for id in sorted(containers) if id not in filled]
        if empty:
            raise fail(
                FailureCategory.EMPTY_INPUT,
                f"{kind} {_named(empty)} has no images.",
                detail=_all(map(_name, empty)),
                next_step="Leave it out, or put images into it.",
            )

    def _check_pixels(self, images: Iterable[SeenImage]) -> None:
        bare = [image for image in images if image.pixels is None or None in image.sizes or min(image.sizes) < 1]
        if bare:
            raise fail(
                FailureCategory.UNUSABLE_INPUT,
                f"Image {_named(bare)} has no pixels.",
                detail=_all(map(_name, bare)),
                next_step="Leave it out; its import may have failed: import it again.",
            )

    # ---- attachments

    def _attachments(self, wanted: Mapping[str, Collection[int]]) -> dict[str, tuple[SeenAttachment, ...]]:
        ids = {id for group in wanted.values() for id in group}
        found = self._ask.attachments(ids)
        missing = sorted(ids - set(found))
        others = sorted(self._ask.annotations(missing))
        if others:
            raise fail(
                FailureCategory.UNUSABLE_INPUT,
                f"Annotation {_some(map(str, others))} is no file; a file parameter takes attached files alone.",
                next_step="Choose an attachment.",
            )
        check_seen(self._session, "FileAnnotation", ids, found)
        bare = [found[id] for id in sorted(ids) if found[id].file is None]
        if bare:
            raise fail(
                FailureCategory.UNUSABLE_INPUT,
                f"The file of FileAnnotation {_some(str(one.id) for one in bare)} is gone or may not be read.",
                next_step="Attach the file again.",
            )
        return {parameter: tuple(found[id] for id in dict.fromkeys(group)) for parameter, group in wanted.items()}

    # ---- the results' place

    def _check_results(self, results: ResultOptions, images: Collection[InputImage]) -> None:
        if results.import_images and results.destination is None:
            self._check_beside(images)
        if results.rois is not None:
            by_id = {image.seen.id: image.seen for image in images}
            refused = [by_id[id] for id in self._ask.images_without_annotation_rights(by_id)]
            if refused:
                raise fail(
                    FailureCategory.DESTINATION_NOT_WRITABLE,
                    f"{self._session.user!r} may not put ROIs on Image {_named(refused)}.",
                    detail=_all(map(_name, refused)),
                    next_step="Run it without ROIs, or ask the images' owner.",
                )

    def _check_beside(self, images: Collection[InputImage]) -> None:
        """Results go beside their inputs: each must lie in a Dataset that the user may write."""
        homeless = [image.seen for image in images if image.dataset is None]
        if homeless:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"Image {_named(homeless)} lies in no dataset, so its results have no place beside it.",
                detail=_all(map(_name, homeless)),
                next_step="Choose a destination for the results.",
            )
        datasets = {image.dataset for image in images if image.dataset is not None}
        refused = self._ask.datasets_without_link_rights(datasets)
        if refused:
            raise fail(
                FailureCategory.DESTINATION_NOT_WRITABLE,
                f"{self._session.user!r} may not put images into Dataset {_some(map(str, refused))}.",
                detail=_all(map(str, refused)),
                next_step="Choose a dataset of the user's own as destination, or ask the owner.",
            )


def check_seen(session: OmeroSession, kind: str, wanted: Iterable[int], found: Mapping[int, Seen]) -> None:
    """Refuse what is not there for this user, or is in another group.

    Raises:
        FailureError: UNKNOWN_INPUT.
    """
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise fail(
            FailureCategory.UNKNOWN_INPUT,
            f"There is no {kind} {_some(map(str, missing))} that {session.user!r} can see.",
            detail=_all(map(str, missing)),
            next_step="Leave out what was deleted, or belongs to somebody whose data the user may not read.",
        )
    foreign = [found[id] for id in sorted(set(wanted)) if found[id].group != session.group_id]
    if foreign:
        groups = _some(map(repr, sorted({one.group_name for one in foreign})))
        raise fail(
            FailureCategory.UNKNOWN_INPUT,
            f"{kind} {_named(foreign)} belongs to group {groups}, not to {session.group!r}.",
            detail=_all(map(_name, foreign)),
            next_step="Analyse the data of one group at a time, in that group.",
        )


def _check_number(images: int) -> None:
    if images > MOST_IMAGES:
        raise fail(
            FailureCategory.TOO_MANY_IMAGES,
            f"{images} images are more than a run takes ({MOST_IMAGES}).",
            next_step="Split them over several runs.",
        )


def _key(container: Seen | None) -> tuple[str, int]:
    return ("", _NOWHERE) if container is None else (container.name, container.id)


def _name(object: Seen) -> str:
    return f"{object.id} ({object.name!r})"


def _named(objects: Collection[Seen]) -> str:
    return _some(map(_name, objects))


def _some(words: Iterable[str]) -> str:
    listed = list(words)
    more = f" and {len(listed) - _FEW} more" if len(listed) > _FEW else ""
    return ", ".join(listed[:_FEW]) + more


def _all(words: Iterable[str]) -> str:
    listed = list(words)
    more = f" and {len(listed) - _SOME} more" if len(listed) > _SOME else ""
    return ", ".join(listed[:_SOME]) + more if len(listed) > _FEW else ""
