"""An image of OMERO as the files that are written for the cluster: one OME-TIFF, or those of an OME-Zarr.

They are made of OMERO's pixels while they are sent. The same plan gives the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from contracts.staged_input import StagedForm, StagedInput
from contracts.staging_plan import ImagePixels, PlannedInput
from converters.image_file import Channel, Plane, Series
from converters.ome_tiff_stream import CHUNK, Document, OmeTiffStream
from converters.ome_zarr_stream import OmeZarrStream, ZarrFile
from tasks.omero_pixels import PIXEL_TYPES, OmeroPixels

#: Of the annotation that says where an image is from.
NAMESPACE = "omero-flows/staged-image"
_DOCUMENTS = uuid.UUID("2b6a7c52-53c5-5d3b-8a45-61a2b1e5c0d7")


@dataclass(frozen=True)
class WrittenFile:
    """A file to be written: its path below the run's folder, its bytes, and what reads them from any offset on."""

    path: str
    size: int
    read: Callable[[int], Iterator[bytes]]


def holds(form: StagedForm, pixel_type: str | None) -> bool:
    """Whether the form has a place for OMERO's pixel type: OME-Zarr has none for complex numbers."""
    dtype = PIXEL_TYPES.get(pixel_type or "")
    return dtype is not None and (form is not StagedForm.OME_ZARR or dtype.kind != "c")


def written_size(staged: StagedInput, image: ImagePixels) -> int:
    """Bytes of all files that are written for the image."""
    return _stream(staged, image, None).size


def written_files(planned: PlannedInput, pixels: OmeroPixels | None = None) -> Iterator[WrittenFile]:
    """The files of an input that is written; without `pixels`, to know their paths and sizes."""
    assert planned.pixels is not None  # the contract's validator
    staged, stream = planned.input, _stream(planned.input, planned.pixels, pixels)
    if isinstance(stream, OmeTiffStream):
        yield WrittenFile(staged.path, stream.size, stream.read)
        return
    for file in stream.files():
        yield WrittenFile(f"{staged.path}/{file.name}", file.size, _reading(file))


def _reading(file: ZarrFile) -> Callable[[int], Iterator[bytes]]:
    def read(offset: int) -> Iterator[bytes]:
        content = memoryview(file.read())
        for start in range(offset, len(content), CHUNK):
            yield bytes(content[start : start + CHUNK])

    return read


class _PixelsOfImage:
    """The pixels of one image, as a series wants them."""

    def __init__(self, image: ImagePixels, pixels: OmeroPixels | None) -> None:
        self._image = image
        self._pixels = pixels

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        assert self._pixels is not None, "a plan has sizes and no pixels"
        return self._pixels.read(self._image, z, c, t, x, y, width, height)


def _stream(staged: StagedInput, image: ImagePixels, pixels: OmeroPixels | None) -> OmeTiffStream | OmeZarrStream:
    series = _series(staged, image, pixels)
    annotation = {"Image": str(staged.image), "Original file": staged.original_file}
    if staged.form is StagedForm.OME_ZARR:
        return OmeZarrStream(series, staged.name, namespace=NAMESPACE, annotation=annotation)
    identity = uuid.uuid5(_DOCUMENTS, f"{annotation}{staged.name}{image.model_dump_json()}")
    return OmeTiffStream(series, Document(staged.name, f"urn:uuid:{identity}", NAMESPACE, annotation))


def _series(staged: StagedInput, image: ImagePixels, pixels: OmeroPixels | None) -> Series:
    channels = (Channel(one.name, one.colour, one.emission_nm, one.excitation_nm) for one in image.channels)
    return Series(
        0,
        staged.name,
        image.size_x,
        image.size_y,
        image.size_z,
        image.size_c,
        image.size_t,
        PIXEL_TYPES[image.type],
        tuple(channels),
        ((image.size_x, image.size_y),),
        _PixelsOfImage(image, pixels),
        image.physical_size_x,
        image.physical_size_y,
        image.physical_size_z,
        image.acquired,
    )
