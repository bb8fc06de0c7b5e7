"""How each input image comes to the cluster: as one file or one OME-Zarr, under which name, for which task."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from blocks.image_storage import ImageStorage
from blocks.omero_failures import classify
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisRun
from contracts.failures import FailureCategory, FailureError, fail
from contracts.import_source import FileIdentity
from contracts.staged_input import StagedForm, StagedInput
from contracts.staging_plan import PlannedAttachment, PlannedInput, StagingPlan, StoreIdentity
from tasks.analysis_inputs import InputImage, ResolvedInputs, resolve_inputs
from tasks.input_formats import InputFormats, is_tiff_ending
from tasks.input_queries import ImportedFile, InputQueries, RegisteredStore, SeenAttachment, SeenChannel, SeenImage
from tasks.original_files import OriginalFiles, holds_tiff, path_on_cluster
from tasks.original_stores import OriginalStores, store_name
from tasks.pixel_metadata import describe_pixels
from tasks.staged_names import attachment_name, staged_name
from tasks.whole_plates import WholePlate, WholePlates
from tasks.written_image import holds, written_size

_NAMES = {StagedForm.OME_TIFF: "OME-TIFF", StagedForm.OME_ZARR: "OME-Zarr"}
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class ClusterInputs:
    """What the workflow and its cluster can use: the words of the descriptor for image formats, the folders of the
    image storage that the cluster mounts (folder here to folder there), and whether the workflow takes whole plates.
    """

    formats: Collection[str] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    plates: bool = False


def make_staging_plan(
    run: AnalysisRun, session: OmeroSession, storage: ImageStorage, cluster: ClusterInputs
) -> StagingPlan:
    """Resolve the run's inputs and decide all that staging needs; reads headers of files, no pixels.

    Raises:
        FailureError: what `resolve_inputs` raises; FORM_NOT_AVAILABLE, UNUSABLE_INPUT (a pixel type that OME-TIFF
            or OME-Zarr has no place for), FILE_CHANGED, FILE_NOT_FOUND, BAD_REQUEST (a parameter's name).
    """
    formats = InputFormats(cluster.formats)
    _check_parameters(run.inputs.attachments)
    resolved = resolve_inputs(run, session)
    try:
        return _Planner(run, session, storage, formats, cluster).plan(resolved)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, "plan the staging") from error


class _Planner:
    def __init__(
        self,
        run: AnalysisRun,
        session: OmeroSession,
        storage: ImageStorage,
        formats: InputFormats,
        cluster: ClusterInputs,
    ) -> None:
        self._run = run
        self._formats = formats
        self._mounts = cluster.mounts
        self._ask = InputQueries(session)
        self._originals = OriginalFiles(session, storage)
        self._stores = OriginalStores(self._originals)
        self._plates = WholePlates(self._stores, formats, cluster.mounts, taken=cluster.plates)

    def plan(self, resolved: ResolvedInputs) -> StagingPlan:
        registered = self._registered(resolved)
        plates = {plate.id: plate for plate in self._plates.choose(resolved, registered)}
        whole = {image: plate for plate in plates.values() for image in plate.fields}
        imported = self._ask.imported_files(image.seen.fileset for image in resolved.images if image.seen.fileset)
        originals = {
            image.seen.id: self._store(image.seen, registered) or self._original(image.seen, imported)
            for image in resolved.images
            if image.seen.id not in whole
        }
        written = [image.seen for image in resolved.images if not _is_there(image.seen.id, originals, whole)]
        self._check_writable(written)
        channels = self._ask.channels(image.pixels for image in written if image.pixels is not None)
        tasks = _tasks(resolved.images, whole, self._run.batch_size)
        inputs = [
            self._field(image.seen, tasks[image.seen.id], whole[image.seen.id], channels)
            if image.seen.id in whole
            else self._input(tasks[image.seen.id], image, imported, originals[image.seen.id], channels)
            for image in resolved.images
        ]
        return StagingPlan(
            inputs=tuple(sorted(inputs, key=lambda planned: planned.input.task)),
            attachments=_attachments(resolved.attachments),
            plates=tuple(plate.planned(tasks[next(iter(plate.fields))]) for plate in plates.values()),
        )

    def _registered(self, resolved: ResolvedInputs) -> Mapping[int, RegisteredStore]:
        """The OME-Zarrs that are there already, if the workflow takes them."""
        if not self._formats.takes_ome_zarr:
            return {}
        return self._ask.registered_stores(image.seen.id for image in resolved.images)

    def _store(
        self, image: SeenImage, registered: Mapping[int, RegisteredStore]
    ) -> tuple[FileIdentity | StoreIdentity, str] | None:
        """The registered OME-Zarr and its ending on the cluster, if it can be sent as it is."""
        found = registered.get(image.id)
        store = None if found is None else self._stores.find(image, found)
        return None if store is None else (store, "ome.zarr")

    def _field(
        self, seen: SeenImage, task: int, plate: WholePlate, channels: Mapping[int, list[SeenChannel]]
    ) -> PlannedInput:
        """An image that goes with its plate."""
        staged = StagedInput(
            image=seen.id,
            name=seen.name,
            original_file=seen.name if plate.store is None else store_name(plate.store),
            dataset=None,
            file_name=plate.file_name,
            form=plate.form,
            task=task,
            field=plate.fields[seen.id],
        )
        if plate.store is not None:
            return PlannedInput(input=staged, size=0)
        pixels = describe_pixels(seen, channels.get(seen.pixels or 0, ()))
        return PlannedInput(input=staged, size=written_size(staged, pixels), pixels=pixels)

    def _original(
        self, image: SeenImage, imported: Mapping[int, ImportedFile]
    ) -> tuple[FileIdentity | StoreIdentity, str] | None:
        """The imported file and its ending on the cluster, if the workflow takes it as it is."""
        file = imported.get(image.fileset) if image.fileset is not None else None
        ending = None if file is None else self._formats.original_ending(file.name)
        if file is None or ending is None:
            return None
        identity = self._originals.find(file)
        if identity is None or (is_tiff_ending(ending) and not holds_tiff(identity)):
            return None
        return identity, ending

    def _check_writable(self, images: Collection[SeenImage]) -> None:
        if images and self._formats.written_ending is None:
            raise self._formats.refuse(_few(images))
        form = self._formats.written_form
        odd = [image for image in images if not holds(form, image.type)]
        if odd:
            raise fail(
                FailureCategory.UNUSABLE_INPUT,
                f"{_NAMES[form]} has no place for the pixels of {_few(odd)}, of type {odd[0].type!r}.",
                next_step="Leave it out, or convert it.",
            )

    def _input(
        self,
        task: int,
        image: InputImage,
        imported: Mapping[int, ImportedFile],
        original: tuple[FileIdentity | StoreIdentity, str] | None,
        channels: Mapping[int, list[SeenChannel]],
    ) -> PlannedInput:
        seen = image.seen
        link = path_on_cluster(original[0].path, self._mounts) if original is not None else None
        ending = original[1] if original is not None else self._formats.written_ending
        assert ending is not None  # _check_writable
        file = imported.get(seen.fileset) if seen.fileset is not None else None
        form = self._formats.written_form
        source = None if original is None else original[0]
        store = source if isinstance(source, StoreIdentity) else None
        if source is not None:
            sent = StagedForm.ORIGINAL if store is None else StagedForm.ORIGINAL_ZARR
            form = sent if link is None else StagedForm.LINK
        imported_as = seen.name if file is None else file.name
        staged = StagedInput(
            image=seen.id,
            name=seen.name,
            original_file=imported_as if store is None else store_name(store),
            dataset=image.dataset,
            file_name=staged_name(seen.id, seen.name, ending),
            form=form,
            task=task,
        )
        if store is not None:
            return PlannedInput(input=staged, size=store.size, store=store, link=link)
        if isinstance(source, FileIdentity):
            return PlannedInput(input=staged, size=source.size, original=source, link=link)
        pixels = describe_pixels(seen, channels.get(seen.pixels or 0, ()))
        return PlannedInput(input=staged, size=written_size(staged, pixels), pixels=pixels)


def _is_there(image: int, originals: Mapping[int, object], whole: Mapping[int, WholePlate]) -> bool:
    """Whether nothing is written of the image's pixels."""
    return whole[image].store is not None if image in whole else originals[image] is not None


def _tasks(images: Sequence[InputImage], whole: Mapping[int, WholePlate], batch_size: int | None) -> dict[int, int]:
    """The array task of each image; a plate that goes whole counts as one image."""
    units: dict[tuple[str, int], int] = {}
    tasks: dict[int, int] = {}
    for image in images:
        plate = whole.get(image.seen.id)
        unit = units.setdefault(("Image", image.seen.id) if plate is None else ("Plate", plate.id), len(units))
        tasks[image.seen.id] = 0 if batch_size is None else unit // batch_size
    return tasks


def _attachments(wanted: Mapping[str, tuple[SeenAttachment, ...]]) -> tuple[PlannedAttachment, ...]:
    planned = []
    for parameter, files in wanted.items():
        taken: set[str] = set()
        for one in files:
            assert one.file is not None  # resolve_inputs
            name = attachment_name(one.id, one.name, taken)
            taken.add(name.lower())
            planned.append(
                PlannedAttachment(
                    parameter=parameter, annotation=one.id, file=one.file, name=one.name, file_name=name, size=one.size
                )
            )
    return tuple(planned)


def _check_parameters(names: Collection[str]) -> None:
    odd = [name for name in names if not _PARAMETER.fullmatch(name)]
    if odd:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{odd[0][:100]!r} is no name of a parameter.",
            next_step="Use the names that the workflow's descriptor gives its file parameters.",
        )


def _few(images: Collection[SeenImage]) -> str:
    first, more = next(iter(images)), len(images) - 1
    return f"image {first.id} ({first.name!r})" + (f" and {more} more" if more else "")
