"""Checksums against OMERO's published test vectors (ome.util.checksum; Guava's little-endian form)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasks.checksums import ALGORITHMS, sha256


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("File-Size-64", "0300000000000000"),
        ("CRC-32", "c2412435"),
        ("Adler-32", "27014d02"),
        ("MD5-128", hashlib.md5(b"abc").hexdigest()),
        ("SHA1-160", hashlib.sha1(b"abc").hexdigest()),
    ],
)
def test_algorithms(tmp_path: Path, algorithm: str, expected: str) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert ALGORITHMS[algorithm](path) == expected


def test_a_file_of_many_chunks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "long"
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()
