"""Checksums as OMERO writes them, for the algorithms OMERO names.

Source of the formats: OMERO's `ome.util.checksum` (Guava hashes). File-Size-64, CRC-32 and Adler-32
are little-endian hexadecimal; MD5 and SHA1 are the usual digests.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 1 << 20


def file_size_64(path: Path) -> str:
    """Eight bytes, little-endian; reads nothing but the size."""
    return struct.pack("<q", path.stat().st_size).hex()


def crc_32(path: Path) -> str:
    value = 0
    for chunk in _chunks(path):
        value = zlib.crc32(chunk, value)
    return struct.pack("<I", value).hex()


def adler_32(path: Path) -> str:
    value = 1
    for chunk in _chunks(path):
        value = zlib.adler32(chunk, value)
    return struct.pack("<I", value).hex()


def md5(path: Path) -> str:
    return _digest(path, "md5")


def sha1(path: Path) -> str:
    return _digest(path, "sha1")


def sha256(path: Path) -> str:
    return _digest(path, "sha256")


#: What we can compute, by OMERO's name, cheapest first.
ALGORITHMS: dict[str, Callable[[Path], str]] = {
    "File-Size-64": file_size_64,
    "SHA1-160": sha1,
    "MD5-128": md5,
    "CRC-32": crc_32,
    "Adler-32": adler_32,
}


def _digest(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
