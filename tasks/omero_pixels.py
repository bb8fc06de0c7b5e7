"""Pixels of OMERO's images, read when they are asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from blocks.omero_failures import classify, describe
from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, FailureError, fail
from contracts.staging_plan import ImagePixels
from converters.image_file import Plane

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
