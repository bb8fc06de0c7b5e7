"""The import itself: from verified files to images with metadata, pixels' extremes and rendering settings.

Five steps, as OMERO.server counts them: metadata, pixel data, thumbnails, processing, objects. The first one writes
every object of the fileset in one transaction, together with the annotations that travel in the request: an image
exists if and only if its annotations do. Later steps can fail; the images stay then, as on OMERO.server.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import omero
import omero.grid

from converters.errors import ConverterError
from converters.image_file import ImageFile
from sandbox.omero.calls import Call, now
from sandbox.omero.commands.handle import error_response
from sandbox.omero.imported_objects import ImportedObjects, create_objects
from sandbox.omero.materialise import Materialiser
from sandbox.omero.pixel_statistics import find_extremes
from sandbox.omero.pixels import PixelsNotFound
from sandbox.omero.records import Record
from sandbox.omero.rendering_settings import default_settings, save_settings
from sandbox.omero.repository_files import note_size, place_of

if TYPE_CHECKING:
    from sandbox.omero.server import EmbeddedOmero

log = logging.getLogger("sandbox.omero.imports")

STEPS = 5
#: Tells the client how many steps of how many are done.
Progress = Callable[[int, int], None]


class ForeignFile(Exception):
    """The reader uses a file that is not among the fileset's entries (OMERO's ManagedReaderSecurityCheck)."""


class FilesetGone(Exception):
    """The fileset was deleted while the import ran; nothing was written."""


@dataclass(frozen=True)
class Import:
    """What is imported, by whom, and how."""

    server: EmbeddedOmero
    call: Call
    fileset: Record
    files: tuple[Record, ...]
    settings: Any

    def asks_for(self, name: str, otherwise: bool) -> bool:
        """A yes-or-no setting; `otherwise` where the client left it out."""
        value = getattr(self.settings, name)
        return otherwise if value is None else bool(value.val)


def run_import(work: Import, request: Any, progress: Progress) -> Any:
    """Do all steps; returns an omero.grid.ImportResponse, or an omero.cmd.ERR that says why there are no images."""
    try:
        response = _import(work, progress)
    except (ConverterError, PixelsNotFound, ForeignFile, FilesetGone) as error:
        reason = error.reason if isinstance(error, ConverterError) else str(error)
        return _failed(work, request, type(error).__name__, str(error), reason)
    except omero.ServerError as error:
        return _failed(work, request, type(error).__name__, error.message, error.message)
    except Exception as error:  # whatever a reader trips over is the client's to know
        log.exception("import of %s failed", work.fileset)
        return _failed(work, request, type(error).__name__, str(error), str(error))
    _write_log(work, "done")
    return response


def _failed(work: Import, request: Any, kind: str, message: str, reason: str) -> Any:
    log.warning("import of %s failed: %s", work.fileset, message)
    _write_log(work, f"failed: {message}")
    return error_response(
        request, "import-request-failure", message=message, reason=reason, exception=kind,
        stacktrace=traceback.format_exc(),
    )  # fmt: skip


def _import(work: Import, progress: Progress) -> Any:
    server = work.server
    with server.store.lock:
        places = [place_of(server, file) for file in work.files]
    with server.pixels.files.lease(places[0]) as file:
        _refuse_foreign_files(file, places)
        _write_log(work, f"{file.format}, {len(file.series)} images")
        server.brakes.stand("Import.objects.before", work.call.session.uuid)
        with server.store.transaction():
            if server.store.get("Fileset", work.fileset.id) is not work.fileset:
                raise FilesetGone(f"the fileset {work.fileset.id} was deleted before its images were written")
            made = create_objects(work.call, work.fileset, work.settings, file)
    progress(1, STEPS)
    server.brakes.stand("Import.pixels.before", work.call.session.uuid)
    if not work.asks_for("noStatsInfo", otherwise=False):
        _measure(work, made)
    progress(2, STEPS)
    if work.asks_for("doThumbnails", otherwise=True):
        _make_rendering_settings(work, made)
    progress(3, STEPS)
    progress(4, STEPS)
    server.brakes.stand("Import.response.before", work.call.session.uuid)
    response = _respond(work, made)
    progress(5, STEPS)
    return response


def _refuse_foreign_files(file: ImageFile, places: list[Path]) -> None:
    """Raises ForeignFile for a file that the reader needs and the client did not declare."""
    declared = {place.absolute() for place in places} | {place.resolve() for place in places}
    for used in file.files:
        if used.absolute() not in declared and used.resolve() not in declared:
            raise ForeignFile(f"the reader uses {used.name}, which is not among the files of this import")


def _measure(work: Import, made: ImportedObjects) -> None:
    """Store the smallest and largest value of every channel, one transaction for each image."""
    store = work.server.store
    for pixels in made.pixels:
        with work.server.pixels.open(pixels) as buffer:
            extremes = [find_extremes(buffer, channel) for channel in range(buffer.shape.size_c)]
        with store.transaction():
            if store.get("Pixels", pixels.id) is not pixels:
                raise FilesetGone(f"{pixels} was deleted while it was measured")
            details: dict[str, Any] = {"owner": pixels.owner, "group": pixels.group, "event": work.call.event()}
            for channel, (smallest, largest) in zip(store.collection(pixels, "channels"), extremes, strict=True):
                statistics = store.create("StatsInfo", **details, globalMin=smallest, globalMax=largest)
                store.assign(channel, "statsInfo", statistics)


def _make_rendering_settings(work: Import, made: ImportedObjects) -> None:
    """Give every image its owner's default settings, from which thumbnails are drawn when they are asked for."""
    store = work.server.store
    for pixels in made.pixels:

        def measure(channel: int, pixels: Record = pixels) -> tuple[float, float]:
            with work.server.pixels.open(pixels) as buffer:
                return find_extremes(buffer, channel)

        settings = default_settings(store, pixels, measure)
        with store.transaction():
            if store.get("Pixels", pixels.id) is not pixels:
                raise FilesetGone(f"{pixels} was deleted before its thumbnail was made")
            save_settings(store, pixels, settings, owner=pixels.owner, group=pixels.group, event=work.call.event())


def _respond(work: Import, made: ImportedObjects) -> Any:
    """The objects as clients expect them: the pixels, and the plates before the images."""
    store = work.server.store
    with store.transaction():
        finished = store.enumeration("JobStatus", "Finished")
        for link in store.collection(work.fileset, "jobLinks"):
            store.assign(link.values["child"], "status", finished)
            store.assign(link.values["child"], "finished", now())
        materialiser = Materialiser(store, work.call.caller)
        for record in (*made.pixels, *made.plates, *made.images):
            materialiser.load(record)
        return omero.grid.ImportResponse(
            pixels=[materialiser.ice(pixels) for pixels in made.pixels],
            objects=[materialiser.ice(record) for record in (*made.plates, *made.images)],
        )


def _write_log(work: Import, line: str) -> None:
    """Add a line to the import's log file, which clients show as the fileset's log."""
    store = work.server.store
    with store.transaction():
        if store.get("Fileset", work.fileset.id) is not work.fileset:
            return  # its log went with it
        upload = next(
            (link.values["child"] for link in store.collection(work.fileset, "jobLinks")
             if link.values["child"].model.name == "UploadJob"), None,
        )  # fmt: skip
        logs = [] if upload is None else store.collection(upload, "originalFileLinks")
        for link in logs:
            file = link.values["child"]
            place = place_of(work.server, file)
            with place.open("a", encoding="utf-8") as text:
                text.write(f"{now()} {line}\n")
            note_size(store, file, place)
