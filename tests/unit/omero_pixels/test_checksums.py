"""Checksums against published values and Guava's test vectors, and that all pieces of a file count."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.omero.checksums import ALGORITHMS, PIECE, UnknownAlgorithm, compute_checksum, start_checksum


@pytest.mark.parametrize(
    ("algorithm", "data", "expected"),
    [
        ("CRC-32", b"abc", "c2412435"),
        ("File-Size-64", b"abc", "0300000000000000"),
        ("Adler-32", b"abc", "27014d02"),
        ("SHA1-160", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("MD5-128", b"abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("SHA1-160", b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ],
)
def test_known_values(tmp_path: Path, algorithm: str, data: bytes, expected: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert compute_checksum(algorithm, path) == expected


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_files_longer_than_a_piece(tmp_path: Path, algorithm: str) -> None:
    data = bytes(range(256)) * (PIECE // 256) + b"tail"
    path = tmp_path / "file"
    path.write_bytes(data)
    whole = start_checksum(algorithm)
    whole.update(data)
    assert compute_checksum(algorithm, path) == whole.hexdigest()


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_pieces_add_up(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    expected = {
        "SHA1-160": hashlib.sha1(whole).hexdigest(),
        "CRC-32": zlib.crc32(whole).to_bytes(4, "little").hex(),
        "Adler-32": zlib.adler32(whole).to_bytes(4, "little").hex(),
        "File-Size-64": len(whole).to_bytes(8, "little").hex(),
    }
    for algorithm, value in expected.items():
        checksum = start_checksum(algorithm)
        for piece in pieces:
            checksum.update(piece)
        assert checksum.hexdigest() == value


def test_unknown_algorithms_are_refused_by_name() -> None:
    with pytest.raises(UnknownAlgorithm, match="Murmur3-32"):
        start_checksum("Murmur3-32")
