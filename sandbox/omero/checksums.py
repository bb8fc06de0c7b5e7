"""Checksums of files, by OMERO's algorithm names and in OMERO's spelling.

SHA1-160 and MD5-128 are the ordinary hexadecimal digests. CRC-32, Adler-32 and File-Size-64 are the
numbers' bytes in little-endian order, as Google Guava prints a hash code: CRC-32 of "abc" is
`c2412435`, the size 3 is `0300000000000000`. Murmur3 is not offered: without a compiled library it
would take minutes per gigabyte, and a client picks an algorithm from those the server lists.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

#: Files are read in pieces of this many bytes, so that memory does not grow with the file.
PIECE = 1 << 20


class UnknownAlgorithm(ValueError):
    """The server was asked for a checksum algorithm that it does not offer."""


class Checksum(Protocol):
    """A checksum that grows piece by piece."""

    def update(self, piece: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = zlib.crc32(b"")

    def update(self, piece: bytes, /) -> None:
        self._value = zlib.crc32(piece, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(4, "little").hex()


class _Adler32:
    def __init__(self) -> None:
        self._value = zlib.adler32(b"")

    def update(self, piece: bytes, /) -> None:
        self._value = zlib.adler32(piece, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(4, "little").hex()


class _FileSize:
    def __init__(self) -> None:
        self._size = 0

    def update(self, piece: bytes, /) -> None:
        self._size += len(piece)

    def hexdigest(self) -> str:
        return self._size.to_bytes(8, "little").hex()


def _sha1() -> Checksum:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Checksum:
    return hashlib.md5(usedforsecurity=False)


#: The offered algorithms, the preferred one first (the order of OMERO's `omero.checksum.supported`).
ALGORITHMS: Mapping[str, Callable[[], Checksum]] = MappingProxyType(
    {"SHA1-160": _sha1, "MD5-128": _md5, "CRC-32": _Crc32, "Adler-32": _Adler32, "File-Size-64": _FileSize}
)


def start_checksum(algorithm: str) -> Checksum:
    """An empty checksum of the named algorithm; raises UnknownAlgorithm."""
    if algorithm not in ALGORITHMS:
        raise UnknownAlgorithm(f"unknown checksum algorithm: {algorithm} (known: {', '.join(ALGORITHMS)})")
    return ALGORITHMS[algorithm]()


def compute_checksum(algorithm: str, path: Path) -> str:
    """The file's checksum, lower-case hexadecimal; raises UnknownAlgorithm or OSError.

    The size alone is asked of the file system, not read.
    """
    checksum = start_checksum(algorithm)
    if isinstance(checksum, _FileSize):
        return path.stat().st_size.to_bytes(8, "little").hex()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            checksum.update(piece)
    return checksum.hexdigest()
