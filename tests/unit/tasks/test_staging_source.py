"""A source gives the same bytes from any offset, and neither more nor fewer than it said."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from tasks import staging_sources
from tasks.original_files import path_on_cluster
from tasks.read_ahead import read_ahead
from tasks.staging_sources import StagingSource


def pieces(content: bytes, offset: int, length: int) -> Iterator[bytes]:
    for start in range(offset, len(content), length):
        yield content[start : start + length]


@given(
    content=st.binary(max_size=400),
    length=st.integers(1, 50),
    ahead=st.booleans(),
    reads=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20)), max_size=6),
)
def test_cut_and_gone_on_anywhere(content: bytes, length: int, ahead: bool, reads: list[tuple[float, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging_sources, "CHUNK", 1 if ahead else 1 << 20)
        source = StagingSource("in/0/a", len(content), lambda at: pieces(content, at, length))
        for part, count in reads:  # each is cut after some pieces
            offset = int(part * len(content))
            given_bytes = b"".join(piece for piece, _ in zip(source.open(offset), range(count), strict=False))
            assert content[offset:].startswith(given_bytes)
        offset = int(reads[-1][0] * len(content)) if reads else 0
        assert b"".join(source.open(offset)) == content[offset:]


@pytest.mark.parametrize("size", [5, 7])
def test_another_size_is_a_failure(size: int) -> None:
    source = StagingSource("a", size, lambda at: pieces(b"abcdef", at, 2))
    with pytest.raises(FailureError) as refused:
        list(source.open())
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED


def test_an_empty_file() -> None:
    source = StagingSource("a", 0, lambda at: pieces(b"", at, 1))
    assert list(source.open()) == []


# ---- reading ahead


@given(count=st.integers(1, 5), content=st.lists(st.binary(min_size=1, max_size=3), max_size=12))
def test_the_same_pieces_in_their_order(count: int, content: list[bytes]) -> None:
    assert list(read_ahead(iter(content), count)) == content


def test_an_error_comes_in_its_place() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise ConnectionError("cut")

    taken = []
    with pytest.raises(ConnectionError, match="cut"):
        for piece in read_ahead(broken(), 3):
            taken.append(piece)
    assert taken == [b"a", b"b"]


def test_only_so_many_pieces_are_taken_and_the_thread_ends() -> None:
    """Whoever stops early leaves neither a thread nor an open source behind."""
    taken, closed = [], []
    third = threading.Event()

    def source() -> Iterator[bytes]:
        try:
            for number in range(1000):
                taken.append(number)
                if number == 2:
                    third.set()
                yield b"x"
        finally:
            closed.append(threading.current_thread().name)

    before = threading.active_count()
    reading = read_ahead(source(), 2)
    next(reading)
    assert third.wait(30)
    reading.close()
    assert len(taken) == 3
    assert closed
    assert threading.active_count() == before


@pytest.mark.parametrize("ahead", [False, True])
def test_a_source_closes_what_it_reads(ahead: bool) -> None:
    closed = []

    def begin(offset: int) -> Iterator[bytes]:
        try:
            yield from pieces(b"abcdef", offset, 2)
        finally:
            closed.append(True)

    with pytest.MonkeyPatch.context() as patch:
        if ahead:
            patch.setattr(staging_sources, "CHUNK", 1)
        reading = StagingSource("a", 6, begin).open()
        assert isinstance(reading, Generator)
        next(reading)
        reading.close()
    assert closed == [True]


# ---- paths


@pytest.mark.parametrize(
    ("path", "mounts", "expected"),
    [
        ("/data/lab/a.tif", {"/data": "/mnt"}, "/mnt/lab/a.tif"),
        ("/data/lab/a.tif", {"/data": "/mnt", "/data/lab": "/lab"}, "/lab/a.tif"),
        ("/database/a.tif", {"/data": "/mnt"}, None),
        ("/data/a.tif", {"/data/": "/mnt/"}, "/mnt/a.tif"),
        ("/data/a.tif", {}, None),
        ("/a b/ü.tif", {"/": "/mnt"}, "/mnt/a b/ü.tif"),
    ],
)
def test_paths_as_the_cluster_sees_them(path: str, mounts: dict[str, str], expected: str | None) -> None:
    assert path_on_cluster(path, mounts) == expected
