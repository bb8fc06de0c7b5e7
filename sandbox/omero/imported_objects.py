"""The objects that an image file becomes: Images with Pixels and Channels, Plates with Wells, links and annotations.

Everything is made in the caller's transaction: all of a file's objects appear together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import omero
import omero.model

from converters.image_file import Channel, ImageFile, Plate, Series
from sandbox.omero.calls import Call
from sandbox.omero.permissions import LINK
from sandbox.omero.pixels import pixel_type_name
from sandbox.omero.records import Milliseconds, Quantity, Record
from sandbox.omero.rendering_settings import choose_colour
from sandbox.omero.services.saving import Saver

#: What the database's name columns hold.
LONGEST_NAME = 255


@dataclass
class ImportedObjects:
    """What an import made; images in the order of the file's series, pixels[i] belongs to images[i]."""

    images: list[Record] = field(default_factory=list)
    pixels: list[Record] = field(default_factory=list)
    plates: list[Record] = field(default_factory=list)


def create_objects(call: Call, fileset: Record, settings: Any, file: ImageFile) -> ImportedObjects:
    """Make the file's objects as the import settings ask.

    Raises omero.ValidationException for a target that is not there or of the wrong kind (plates go to a Screen,
    images to a Dataset), omero.SecurityViolation for one that the caller may not link to, PixelsNotFound for a
    pixel type that OMERO does not know.
    """
    return _Importer(call, fileset, settings, file).create()


class _Importer:
    def __init__(self, call: Call, fileset: Record, settings: Any, file: ImageFile) -> None:
        self._store = call.server.store
        self._details: dict[str, Any] = {"owner": fileset.owner, "group": fileset.group, "event": call.event()}
        self._call = call
        self._fileset = fileset
        self._settings = settings
        self._file = file
        self._made = ImportedObjects()

    def create(self) -> ImportedObjects:
        target = self._find_target()
        for series in self._file.series:
            self._create_image(series)
        if self._file.plate is not None:
            self._create_plate(self._file.plate, target)
        elif target is not None:
            for image in self._made.images:
                self._link("DatasetImageLink", target, image)
        self._annotate()
        return self._made

    # ---- where to

    def _find_target(self) -> Record | None:
        target = self._settings.userSpecifiedTarget
        if target is None:
            return None
        kind, wanted = ("Screen", "plate") if self._file.plate is not None else ("Dataset", "image")
        if not isinstance(target, getattr(omero.model, kind)):
            given = type(target).__name__.removesuffix("I")
            raise omero.ValidationException(None, None, f"a {wanted} is imported into a {kind}, not into a {given}")
        record = self._store.get(kind, target.id.val) if target.id is not None else None
        if record is None:
            raise omero.ValidationException(
                None, None, f"there is no {kind} {target.id.val if target.id is not None else '(without id)'}"
            )
        if record.group is not self._details["group"]:
            raise omero.SecurityViolation(None, None, f"{record} belongs to another group than the import")
        if self._call.caller.restrictions(record)[LINK]:
            raise omero.SecurityViolation(None, None, f"Linking to {record} not allowed")
        return record

    def _link(self, link: str, parent: Record, child: Record) -> None:
        self._store.create(link, **self._details, parent=parent, child=child)

    # ---- images

    def _create_image(self, series: Series) -> None:
        store, settings = self._store, self._settings
        description = settings.userSpecifiedDescription
        image = store.create(
            "Image", **self._details, name=self._image_name(series), series=series.index, fileset=self._fileset,
            description=None if description is None else description.val, archived=False, partial=False,
            format=store.enumeration("Format", self._file.format),
            acquisitionDate=_milliseconds(series),
        )  # fmt: skip
        type_name = pixel_type_name(series.dtype)
        pixels_type = store.enumeration("PixelsType", type_name)
        pixels = store.create(
            "Pixels", **self._details, image=image, pixelsType=pixels_type, sha1="Pending...",
            dimensionOrder=store.enumeration("DimensionOrder", "XYZCT"), significantBits=series.dtype.itemsize * 8,
            sizeX=series.size_x, sizeY=series.size_y, sizeZ=series.size_z, sizeC=series.size_c, sizeT=series.size_t,
            physicalSizeX=_micrometres(series.physical_size_x), physicalSizeY=_micrometres(series.physical_size_y),
            physicalSizeZ=_micrometres(series.physical_size_z),
        )  # fmt: skip
        for index, channel in enumerate(series.channels):
            self._create_channel(pixels, index, channel, len(series.channels))
        self._made.images.append(image)
        self._made.pixels.append(pixels)

    def _image_name(self, series: Series) -> str:
        """OMERO's: the file's or the user's name; with the series' name in brackets where there are several."""
        given = self._settings.userSpecifiedName
        entries = self._store.collection(self._fileset, "usedFiles")
        name = given.val if given is not None and given.val else entries[0].values["originalFile"].values["name"]
        if len(self._file.series) > 1:
            name = f"{name} [{series.name or series.index}]"
        return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."

    def _create_channel(self, pixels: Record, index: int, channel: Channel, channels: int) -> None:
        store = self._store
        red, green, blue, alpha = channel.colour or choose_colour(index, channels, channel.emission_nm)
        logical = store.create(
            "LogicalChannel", **self._details, name=channel.name, samplesPerPixel=1,
            emissionWave=_nanometres(channel.emission_nm), excitationWave=_nanometres(channel.excitation_nm),
            photometricInterpretation=store.enumeration("PhotometricInterpretation", "Monochrome"),
        )  # fmt: skip
        store.create(
            "Channel", **self._details, pixels=pixels, logicalChannel=logical,
            red=red, green=green, blue=blue, alpha=alpha,
        )  # fmt: skip

    # ---- plates

    def _create_plate(self, plate: Plate, screen: Record | None) -> None:
        store = self._store
        given = self._settings.userSpecifiedName
        description = self._settings.userSpecifiedDescription
        record = store.create(
            "Plate", **self._details, name=given.val if given is not None and given.val else plate.name,
            description=None if description is None else description.val, rows=plate.rows, columns=plate.columns,
            rowNamingConvention=plate.row_naming, columnNamingConvention=plate.column_naming, defaultSample=0,
        )  # fmt: skip
        run = store.create(
            "PlateAcquisition", **self._details, plate=record, name="Run 1",
            maximumFieldCount=max((len(well.fields) for well in plate.wells), default=0),
        )  # fmt: skip
        for well in plate.wells:
            place = store.create("Well", **self._details, plate=record, row=well.row, column=well.column)
            for index in well.fields:
                store.create(
                    "WellSample", **self._details, well=place, image=self._made.images[index], plateAcquisition=run
                )
        if screen is not None:
            self._link("ScreenPlateLink", screen, record)
        self._made.plates.append(record)

    # ---- annotations

    def _annotate(self) -> None:
        """Link each annotation of the request to every image; an annotation is one object however many images."""
        saver = Saver(self._call)
        for annotation in self._settings.userSpecifiedAnnotationList or []:
            record = saver.save(annotation)
            for image in self._made.images:
                self._link("ImageAnnotationLink", image, record)


def _milliseconds(series: Series) -> Milliseconds | None:
    return None if series.acquired is None else Milliseconds(series.acquired.timestamp() * 1000)


def _micrometres(value: float | None) -> Quantity | None:
    return None if value is None or value <= 0 else Quantity("Length", value, "MICROMETER")


def _nanometres(value: float | None) -> Quantity | None:
    return None if value is None or value <= 0 else Quantity("Length", value, "NANOMETER")
