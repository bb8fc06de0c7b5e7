"""Pixels of OMERO's images as series that our writers take, read when they are asked for."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np

from blocks.omero_failures import classify, describe
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, FailureError, fail
from contracts.staged_input import StagedInput
from contracts.staging_plan import ImagePixels
from converters.image_file import Channel, Plane, Series
from converters.ome_tiff_stream import Document, OmeTiffStream

log = logging.getLogger(__name__)

#: OMERO's pixel types that OME-TIFF can hold, and numpy's. OMERO's `bit` is none of numpy's.
PIXEL_TYPES: Mapping[str, np.dtype[Any]] = {
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "uint32": np.dtype(np.uint32),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "complex": np.dtype(np.complex64),
    "double-complex": np.dtype(np.complex128),
}
#: Of the annotation in the OME-XML that says where an image is from.
NAMESPACE = "omero-flows/staged-image"
_DOCUMENTS = uuid.UUID("2b6a7c52-53c5-5d3b-8a45-61a2b1e5c0d7")


class OmeroPixels:
    """One of OMERO's RawPixelsStores, for one image after the other. Calls may come from several threads."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._store: Any = None
        self._chosen: int | None = None

    def read(self, image: ImagePixels, z: int, c: int, t: int, x: int, y: int, width: int, height: int) -> Plane:
        """A rectangle of a plane at full size, (height, width), native byte order.

        Raises:
            FailureError: OMERO_UNREACHABLE (tried again with the step: the next call opens a new store),
                OMERO_REFUSED.
        """
        whole = (x, y, width, height) == (0, 0, image.size_x, image.size_y)
        with self._lock:
            try:
                store = self._open(image.pixels)
                content = store.getPlane(z, c, t) if whole else store.getTile(z, c, t, x, y, width, height)
            except FailureError:
                raise
            except Exception as error:
                self._store = self._chosen = None
                raise classify(error, f"read the pixels {image.pixels}, z={z} c={c} t={t}") from error
        dtype = PIXEL_TYPES[image.type]
        if len(content) != width * height * dtype.itemsize:
            raise fail(
                FailureCategory.OMERO_REFUSED,
                f"OMERO gave {len(content)} bytes of the pixels {image.pixels} for {width} x {height} of {image.type}.",
                detail=f"z={z} c={c} t={t} x={x} y={y}",
                next_step="Look at the image in OMERO.web; its file may be damaged.",
            )
        return np.frombuffer(content, dtype.newbyteorder(">")).reshape(height, width).astype(dtype)

    def close(self) -> None:
        """Let OMERO close the store; one that is gone already is not an error."""
        with self._lock:
            store, self._store, self._chosen = self._store, None, None
        if store is not None:
            end_service(store)

    def _open(self, pixels: int) -> Any:
        if self._store is None:
            self._store = self._session.gateway.c.sf.createRawPixelsStore()
        if self._chosen != pixels:
            self._chosen = None
            self._store.setPixelsId(pixels, True)
            self._chosen = pixels
        return self._store


def end_service(service: Any) -> None:
    """Let OMERO close a stateful service; it ends with the session otherwise, and nothing of the run depends on it."""
    try:
        service.close()
    except Exception as error:  # noqa: BLE001
        log.info("OMERO's %s did not close cleanly: %s", type(service).__name__, describe(error))


class _PixelsOfImage:
    """The pixels of one image, as a series wants them."""

    def __init__(self, image: ImagePixels, pixels: OmeroPixels | None) -> None:
        self._image = image
        self._pixels = pixels

    def read(self, z: int, c: int, t: int, level: int, x: int, y: int, width: int, height: int) -> Plane:
        assert self._pixels is not None, "a plan has sizes and no pixels"
        return self._pixels.read(self._image, z, c, t, x, y, width, height)


def ome_tiff_of(staged: StagedInput, image: ImagePixels, pixels: OmeroPixels | None = None) -> OmeTiffStream:
    """The image as an OME-TIFF that is read from OMERO while it is sent; without `pixels`, to know its size.

    The same plan gives the same bytes.
    """
    channels = (Channel(one.name, one.colour, one.emission_nm, one.excitation_nm) for one in image.channels)
    series = Series(
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
    annotation = {"Image": str(staged.image), "Original file": staged.original_file}
    identity = uuid.uuid5(_DOCUMENTS, f"{annotation}{staged.name}{image.model_dump_json()}")
    return OmeTiffStream(series, Document(staged.name, f"urn:uuid:{identity}", NAMESPACE, annotation))
