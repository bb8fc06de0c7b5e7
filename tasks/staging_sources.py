"""A run's staging plan as files to send: each with its path, its size, and its bytes from any offset on.

Nothing of them is written on this machine or into OMERO: originals are read where they lie, OME-TIFFs and OME-Zarrs
are made of OMERO's pixels while they are sent, attachments are read from OMERO.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from blocks.omero_failures import classify
from blocks.omero_session import OmeroSession
from blocks.stored_file import read_stored_file
from blocks.stored_tree import list_tree
from contracts.failures import FailureCategory, FailureError, fail
from contracts.remote_run import StagedLink
from contracts.staging_plan import PlannedAttachment, PlannedInput, StagingPlan, StoreIdentity
from converters.ome_tiff_stream import BLOCK, CHUNK
from converters.ome_zarr_plate import count_fields, plate_files
from converters.ome_zarr_stream import ZarrFile
from tasks.omero_pixels import OmeroPixels, end_service
from tasks.original_stores import is_part_of_store
from tasks.read_ahead import read_ahead
from tasks.written_image import written_files

#: Pieces that are read beforehand, while others are sent: a block's.
_AHEAD = BLOCK // CHUNK


class StagingSource:
    """One file to send. `name` is its path below the run's folder, `size` its bytes; whoever sends it sums it up."""

    def __init__(self, name: str, size: int, begin: Callable[[int], Iterator[bytes]]) -> None:
        self.name = name
        self.size = size
        self._begin = begin

    def open(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of about 1 MiB; again and again, from anywhere.

        Raises:
            ValueError: no such offset.
            FailureError: FILE_CHANGED when there are more or fewer bytes than `size`; and what reading raises.
        """
        if not 0 <= offset <= self.size:
            raise ValueError(f"{self.name}: {offset} is outside 0..{self.size}")
        pieces = self._pieces(offset)
        return pieces if self.size <= CHUNK else read_ahead(pieces, _AHEAD)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        position = offset
        for piece in self._begin(offset):
            position += len(piece)
            if position > self.size:
                raise self._wrong_size(position)
            yield piece
        if position != self.size:
            raise self._wrong_size(position)

    def _wrong_size(self, found: int) -> FailureError:
        return fail(
            FailureCategory.FILE_CHANGED,
            f"{self.name!r} does not have the {self.size} bytes any more that it had when the run was planned.",
            detail=f"{found} bytes were read",
            next_step="Wait until nobody changes the inputs, then run the analysis again.",
        )


@contextmanager
def open_staging_sources(plan: StagingPlan, session: OmeroSession) -> Iterator[tuple[StagingSource, ...]]:
    """All files of the plan that have to be sent, in its order; they can be read while the context lasts."""
    pixels = OmeroPixels(session)
    try:
        yield (
            *_plates(plan),
            *(source for planned in plan.inputs for source in _image(planned, pixels)),
            *(source for path, store in plan.stores.items() for source in _store(path, store)),
            *(_attachment(planned, session) for planned in plan.attachments),
        )
    finally:
        pixels.close()


def staged_links(plan: StagingPlan) -> tuple[StagedLink, ...]:
    """The links to be made on the cluster, for what is not sent."""
    return tuple(StagedLink(path=path, target=target) for path, target in plan.links.items())


def staged_files(plan: StagingPlan) -> set[tuple[str, int]]:
    """Path and bytes of every file that has to be sent, save those of stores that are sent as they are."""
    files = {(attachment.path, attachment.size) for attachment in plan.attachments}
    for planned in plan.inputs:
        if planned.pixels is not None:
            files |= {(file.path, file.size) for file in written_files(planned)}
        elif planned.original is not None and planned.link is None:
            files.add((planned.input.path, planned.size))
    return files | {(source.name, source.size) for source in _plates(plan)}


def staged_stores(plan: StagingPlan) -> dict[str, tuple[int, int]]:
    """Number and bytes of the files of every store that is sent as it is, by its path."""
    return {path: (store.files, store.size) for path, store in plan.stores.items()}


def _image(planned: PlannedInput, pixels: OmeroPixels) -> Iterator[StagingSource]:
    original = planned.original
    if planned.pixels is not None:
        for written in written_files(planned, pixels):
            yield StagingSource(written.path, written.size, written.read)
    elif original is not None and planned.link is None:
        yield StagingSource(planned.input.path, planned.size, lambda offset: read_stored_file(original, offset))


def _store(there: str, store: StoreIdentity) -> Iterator[StagingSource]:
    for path, file in list_tree(store, is_part_of_store):
        yield StagingSource(f"{there}/{path}", file.size, partial(read_stored_file, file))


def _plates(plan: StagingPlan) -> Iterator[StagingSource]:
    """What makes plates of the images that are written."""
    for plate in plan.plates:
        if plate.store is not None:
            continue
        inside = [one.input for one in plan.inputs if one.input.path.startswith(f"{plate.path}/")]
        for file in plate_files(plate.name, count_fields(one.field for one in inside if one.field is not None)):
            yield StagingSource(f"{plate.path}/{file.name}", file.size, partial(_bytes_of, file))


def _bytes_of(file: ZarrFile, offset: int) -> Iterator[bytes]:
    yield file.read()[offset:]


def _attachment(planned: PlannedAttachment, session: OmeroSession) -> StagingSource:
    return StagingSource(planned.path, planned.size, lambda offset: _attached_bytes(planned, session, offset))


def _attached_bytes(planned: PlannedAttachment, session: OmeroSession, offset: int) -> Iterator[bytes]:
    try:
        store = session.gateway.c.sf.createRawFileStore()
        try:
            store.setFileId(planned.file)
            size = store.size()
            while offset < size:
                piece = store.read(offset, min(CHUNK, size - offset))
                if not piece:
                    break
                yield piece
                offset += len(piece)
        finally:
            end_service(store)
    except FailureError:
        raise
    except Exception as error:
        raise classify(error, f"read the attachment {planned.name!r}") from error
