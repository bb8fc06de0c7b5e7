"""A file that was identified is read as that one, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blocks.image_storage import ImageStorage
from blocks.stored_file import CHUNK, read_stored_file
from contracts.failures import FailureCategory, FailureError
from contracts.import_source import FileIdentity

CONTENT = bytes(range(256)) * 10_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "lab").mkdir()
    file = tmp_path / "lab" / "a.tif"
    file.write_bytes(CONTENT)
    return file


def identify(path: Path) -> FileIdentity:
    return ImageStorage(root=str(path.parents[1])).identify("lab", path.name)


@pytest.mark.parametrize("offset", [0, 1, CHUNK, len(CONTENT) - 1, len(CONTENT)])
def test_bit_for_bit_from_any_offset(path: Path, offset: int) -> None:
    pieces = list(read_stored_file(identify(path), offset))
    assert b"".join(pieces) == CONTENT[offset:]
    assert all(len(piece) <= CHUNK for piece in pieces)


def overwrite(path: Path) -> None:
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, 1))


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def exchange(path: Path) -> None:
    status = path.stat()
    path.rename(path.with_name("old"))
    path.write_bytes(CONTENT)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def link(path: Path) -> None:
    path.rename(path.with_name("old"))
    path.symlink_to(path.with_name("old"))


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES = [overwrite, lengthen, exchange, link, make_pipe, Path.unlink]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_another_file_is_not_read(path: Path, change: object) -> None:
    identity = identify(path)
    assert callable(change)
    change(path)
    with pytest.raises(FailureError) as refused:
        list(read_stored_file(identity))
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED


@pytest.mark.parametrize("change", [overwrite, lengthen, lambda path: os.truncate(path, CHUNK)])
def test_a_file_that_changes_while_it_is_read(path: Path, change: object) -> None:
    reading = read_stored_file(identify(path))
    next(reading)
    assert callable(change)
    change(path)
    with pytest.raises(FailureError) as refused:
        list(reading)
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED
