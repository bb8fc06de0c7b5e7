"""omero.api.RawPixelsStore: planes, tiles and other pieces of an image as big-endian bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import omero
import omero.api
from numpy.typing import NDArray

from sandbox.omero.calls import Call
from sandbox.omero.materialise import Materialiser
from sandbox.omero.permissions import EDIT
from sandbox.omero.pixel_statistics import count_values, find_extremes
from sandbox.omero.pixels import PixelBuffer, read_plane, wire_bytes
from sandbox.omero.pyramid import PyramidService
from sandbox.omero.servant import servant


@servant(omero.api.RawPixelsStore)
class RawPixelsStore(PyramidService):
    """Pieces are read at the chosen resolution level, written at full size. Offsets count from the file's start."""

    def setPixelsId(self, pixels_id: int, bypass: bool, call: Call) -> None:
        self._choose(pixels_id, call)

    def getPixelsId(self, call: Call) -> int:
        return self._pixels.id

    def getPixelsPath(self, call: Call) -> str:
        return str(self.server.pixels.raw_path(self._pixels.id))

    def prepare(self, pixels_ids: list[int], call: Call) -> None:
        """Accepted and not used: files are opened when their pixels are asked for."""

    # ---- sizes in bytes and offsets of a file in the order XYZCT

    def getByteWidth(self, call: Call) -> int:
        return int(self._shape.dtype.itemsize)

    def isSigned(self, call: Call) -> bool:
        return self._shape.dtype.kind != "u"

    def isFloat(self, call: Call) -> bool:
        return self._shape.dtype.kind in "fc"

    def getRowSize(self, call: Call) -> int:
        return self._plane_size()[0] * self.getByteWidth(call)

    def getPlaneSize(self, call: Call) -> int:
        width, height = self._plane_size()
        return width * height * self.getByteWidth(call)

    def getStackSize(self, call: Call) -> int:
        return self.getPlaneSize(call) * self._shape.size_z

    def getTimepointSize(self, call: Call) -> int:
        return self.getStackSize(call) * self._shape.size_c

    def getTotalSize(self, call: Call) -> int:
        return self.getTimepointSize(call) * self._shape.size_t

    def getRowOffset(self, y: int, z: int, c: int, t: int, call: Call) -> int:
        return self.getPlaneOffset(z, c, t, call) + y * self.getRowSize(call)

    def getPlaneOffset(self, z: int, c: int, t: int, call: Call) -> int:
        return self.getStackOffset(c, t, call) + z * self.getPlaneSize(call)

    def getStackOffset(self, c: int, t: int, call: Call) -> int:
        return self.getTimepointOffset(t, call) + c * self.getStackSize(call)

    def getTimepointOffset(self, t: int, call: Call) -> int:
        return t * self.getTimepointSize(call)

    def _plane_size(self) -> tuple[int, int]:
        if self._file_level == 0:
            return self._shape.size_x, self._shape.size_y
        with self._open() as buffer:
            return buffer.levels[self._file_level]

    # ---- reading

    def getPlane(self, z: int, c: int, t: int, call: Call) -> bytes:
        with self._open() as buffer:
            return wire_bytes(read_plane(buffer, z, c, t, self._file_level))

    def getTile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, call: Call) -> bytes:
        with self._open() as buffer:
            return wire_bytes(buffer.read(z, c, t, x, y, w, h, self._file_level))

    def getRow(self, y: int, z: int, c: int, t: int, call: Call) -> bytes:
        with self._open() as buffer:
            return wire_bytes(buffer.read(z, c, t, 0, y, buffer.levels[self._file_level][0], 1, self._file_level))

    def getCol(self, x: int, z: int, c: int, t: int, call: Call) -> bytes:
        with self._open() as buffer:
            return wire_bytes(buffer.read(z, c, t, x, 0, 1, buffer.levels[self._file_level][1], self._file_level))

    def getPlaneRegion(self, z: int, c: int, t: int, size: int, offset: int, call: Call) -> bytes:
        """`size` pixels of the plane from its `offset`-th pixel on."""
        with self._open() as buffer:
            plane = read_plane(buffer, z, c, t, self._file_level).ravel()
            if offset < 0 or size < 0 or offset + size > plane.size:
                raise IndexError(f"{size} pixels from {offset} on leave a plane of {plane.size}")
            return wire_bytes(plane[offset : offset + size])

    def getStack(self, c: int, t: int, call: Call) -> bytes:
        with self._open() as buffer:
            return b"".join(self._stack(buffer, c, t))

    def getTimepoint(self, t: int, call: Call) -> bytes:
        with self._open() as buffer:
            return b"".join(piece for c in range(buffer.shape.size_c) for piece in self._stack(buffer, c, t))

    def _stack(self, buffer: PixelBuffer, c: int, t: int) -> list[bytes]:
        return [wire_bytes(read_plane(buffer, z, c, t, self._file_level)) for z in range(buffer.shape.size_z)]

    def getRegion(self, size: int, offset: int, call: Call) -> bytes:
        """`size` bytes of the whole image in the order XYZCT, from byte `offset` on."""
        plane_size = self.getPlaneSize(call)
        if offset < 0 or size < 0 or offset + size > self.getTotalSize(call):
            raise omero.ApiUsageException(None, None, f"{size} bytes from {offset} on are not inside the image")
        if size == 0:
            return b""
        first, last = offset // plane_size, (offset + size - 1) // plane_size
        with self._open() as buffer:
            pieces = [wire_bytes(read_plane(buffer, *self._place(n), self._file_level)) for n in range(first, last + 1)]
        start = offset - first * plane_size
        return b"".join(pieces)[start : start + size]

    def _place(self, number: int) -> tuple[int, int, int]:
        """z, c and t of a plane, numbered in the order XYZCT."""
        shape = self._shape
        rest, z = divmod(number, shape.size_z)
        t, c = divmod(rest, shape.size_c)
        return z, c, t

    def getHypercube(self, offset: list[int], size: list[int], step: list[int], call: Call) -> bytes:
        """Every step-th pixel of a block; the three lists are in the order x, y, z, c, t, and so are the bytes."""
        if not len(offset) == len(size) == len(step) == 5:
            raise omero.ApiUsageException(None, None, "offset, size and step need five numbers each: x, y, z, c, t")
        if any(number < 1 for number in (*size, *step)):
            raise omero.ApiUsageException(None, None, "sizes and steps start at 1")
        x, y = offset[:2]
        zs, cs, ts = (range(offset[axis], offset[axis] + size[axis], step[axis]) for axis in (2, 3, 4))
        with self._open() as buffer:
            pieces = [
                wire_bytes(buffer.read(z, c, t, x, y, size[0], size[1], self._file_level)[:: step[1], :: step[0]])
                for t in ts
                for c in cs
                for z in zs
            ]
        return b"".join(pieces)

    # ---- measuring

    def findMinMax(self, channels: list[int], call: Call) -> dict[int, list[float]]:
        """Channel -> smallest and largest value over all its planes."""
        with self._open() as buffer:
            for channel in channels:
                buffer.shape.check(0, channel, 0)
            return {channel: list(find_extremes(buffer, channel)) for channel in channels}

    def getHistogram(
        self, channels: list[int], bins: int, global_range: bool, plane: Any, call: Call
    ) -> dict[int, list[int]]:
        """Channel -> counts in `bins` equal parts of the channel's global range, or of the region's own."""
        if bins < 1:
            raise omero.ApiUsageException(None, None, "a histogram has at least one bin")
        counts = {}
        with self._open() as buffer:
            for channel in channels:
                values = self._region_of(buffer, plane, channel)
                limits = self._global_range(channel) if global_range else None
                smallest, largest = limits or (float(values.min()), float(values.max()))
                counts[channel] = count_values(values, bins, smallest, largest).tolist()
        return counts

    def _region_of(self, buffer: PixelBuffer, plane: Any, channel: int) -> NDArray[Any]:
        region = plane.region
        if region is None:
            return read_plane(buffer, plane.z, channel, plane.t, self._file_level)
        return buffer.read(plane.z, channel, plane.t, region.x, region.y, region.width, region.height, self._file_level)

    def _global_range(self, channel: int) -> tuple[float, float] | None:
        with self.store.lock:
            channels = self.store.collection(self._pixels, "channels")
            statistics = channels[channel].values.get("statsInfo")
            if statistics is None:
                return None
            return statistics.values["globalMin"], statistics.values["globalMax"]

    def calculateMessageDigest(self, call: Call) -> bytes:
        """SHA-1 of all planes in the order XYZCT."""
        digest = hashlib.sha1(usedforsecurity=False)
        shape = self._shape
        with self._open() as buffer:
            for number in range(shape.size_z * shape.size_c * shape.size_t):
                digest.update(wire_bytes(read_plane(buffer, *self._place(number))))
        return digest.digest()

    # ---- writing, for images that a client made

    def setTile(self, data: bytes, z: int, c: int, t: int, x: int, y: int, w: int, h: int, call: Call) -> None:
        self._write(data, z, c, t, x, y, w, h, call)

    def setPlane(self, data: bytes, z: int, c: int, t: int, call: Call) -> None:
        shape = self._shape
        self._write(data, z, c, t, 0, 0, shape.size_x, shape.size_y, call)

    def setRow(self, data: bytes, y: int, z: int, c: int, t: int, call: Call) -> None:
        self._write(data, z, c, t, 0, y, self._shape.size_x, 1, call)

    def setStack(self, data: bytes, z: int, c: int, t: int, call: Call) -> None:
        size = self.getPlaneSize(call)
        for index in range(self._shape.size_z):
            self.setPlane(data[index * size : (index + 1) * size], index, c, t, call)

    def setTimepoint(self, data: bytes, t: int, call: Call) -> None:
        size = self.getStackSize(call)
        for channel in range(self._shape.size_c):
            self.setStack(data[channel * size : (channel + 1) * size], 0, channel, t, call)

    def _write(self, data: bytes, z: int, c: int, t: int, x: int, y: int, w: int, h: int, call: Call) -> None:
        with self.store.lock:
            if call.caller.restrictions(self._pixels)[EDIT]:
                raise omero.SecurityViolation(None, None, f"Cannot edit {self._pixels}")
        dtype = self._shape.dtype.newbyteorder(">")
        if len(data) != w * h * dtype.itemsize:
            raise omero.ApiUsageException(
                None, None, f"{w} x {h} pixels are {w * h * dtype.itemsize} bytes, not {len(data)}"
            )
        with self._open() as buffer:
            buffer.write(z, c, t, x, y, np.frombuffer(bytes(data), dtype).reshape(h, w))

    def save(self, call: Call) -> Any:
        """Keep the digest of what was written with the Pixels, and return them."""
        digest = self.calculateMessageDigest(call).hex()
        with self.store.transaction():
            self.store.assign(self._pixels, "sha1", digest)
            materialiser = Materialiser(self.store, call.caller)
            materialiser.load(self._pixels)
            return materialiser.ice(self._pixels)
