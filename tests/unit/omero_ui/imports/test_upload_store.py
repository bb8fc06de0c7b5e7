"""Uploads: cut anywhere and gone on with, the bytes are the file's; what lies about itself is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from omero_ui.imports.group_folder import GroupFolder, open_group_folder
from omero_ui.imports.upload_failures import UploadBusy, UploadTooLong, WrongOffset
from omero_ui.imports.upload_store import KEPT, MOST_UNFINISHED, UPLOADS, UploadStore

ALICE, BOB = 2, 3


@pytest.fixture
def folder(tmp_path: Path) -> GroupFolder:
    (tmp_path / "lab-a" / "day1").mkdir(parents=True)
    (tmp_path / "lab-b").mkdir()
    return open_group_folder(str(tmp_path), {}, "lab-a")


@pytest.fixture
def store(folder: GroupFolder) -> UploadStore:
    return UploadStore(folder, ALICE, most_bytes=1 << 20)


def refusal(call: Callable[[], object]) -> FailureCategory:
    with pytest.raises(FailureError) as caught:
        call()
    return caught.value.failure.category


def leftovers(folder: GroupFolder) -> list[Path]:
    return list((folder.path / UPLOADS).iterdir())


def test_an_upload_that_is_cut_goes_on_and_is_put_in_place_whole(store: UploadStore, folder: GroupFolder) -> None:
    content = os.urandom(100_000)
    upload = store.begin("day1", "a b µ.tif", len(content))

    def cut() -> Iterator[bytes]:
        yield content[:30_000]
        raise ConnectionError("the cable was pulled")

    with pytest.raises(ConnectionError):
        store.append(upload.id, 0, cut())
    assert store.find(upload.id)[1] == 30_000
    assert not (folder.path / "day1" / "a b µ.tif").exists()
    with pytest.raises(WrongOffset):  # a client that sends again what has arrived
        store.append(upload.id, 0, [content])
    assert store.append(upload.id, 30_000, [content[30_000:70_000]]) == 70_000
    assert store.append(upload.id, 70_000, [content[70_000:]]) == len(content)
    written = (folder.path / "day1" / "a b µ.tif").read_bytes()
    assert hashlib.sha256(written).digest() == hashlib.sha256(content).digest()
    assert leftovers(folder) == []


@given(cuts=st.lists(st.integers(min_value=0, max_value=500), max_size=6))
def test_wherever_it_is_cut_the_bytes_are_equal(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    root = tmp_path_factory.mktemp("storage")
    (root / "lab-a").mkdir()
    store = UploadStore(open_group_folder(str(root), {}, "lab-a"), ALICE, most_bytes=1 << 20)
    content = bytes(range(250)) * 2
    upload = store.begin("", "a.tif", len(content))
    arrived = 0
    for end in [*sorted(cuts), len(content)]:
        if arrived < len(content):
            arrived = store.append(upload.id, arrived, [content[arrived:end]])
    assert (root / "lab-a" / "a.tif").read_bytes() == content


def test_a_process_that_is_killed_while_it_writes_leaves_what_it_says(store: UploadStore, folder: GroupFolder) -> None:
    """The bytes on the disk are the offset, so none is written twice."""
    upload = store.begin("", "a.bin", 1 << 20)
    program = f"""
        from pathlib import Path
        from omero_ui.imports.group_folder import GroupFolder
        from omero_ui.imports.upload_store import UploadStore
        import itertools, time
        def chunks():
            for number in itertools.count():
                yield bytes([number % 251]) * 1000
                print(number, flush=True)
                time.sleep(0.001)
        store = UploadStore(GroupFolder("lab-a", Path({str(folder.path)!r})), {ALICE}, most_bytes=1 << 20)
        store.append({upload.id!r}, 0, chunks())
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[4]
    )
    assert child.stdout is not None
    while int(child.stdout.readline()) < 20:
        pass
    with pytest.raises(UploadBusy):
        store.append(upload.id, store.find(upload.id)[1], [b"x"])
    child.kill()
    child.communicate()
    arrived = store.find(upload.id)[1]
    content = b"".join(bytes([number % 251]) * 1000 for number in range(2000))[: 1 << 20]
    store.append(upload.id, arrived, [content[arrived:]])
    assert (folder.path / "a.bin").read_bytes() == content


def test_a_process_that_dies_before_it_tidied_is_made_good(store: UploadStore, folder: GroupFolder) -> None:
    upload = store.begin("", "a.tif", 4)
    partial = folder.path / UPLOADS / f"{upload.id}.partial"
    partial.write_bytes(b"ours")
    os.link(partial, folder.path / "a.tif")
    assert store.append(upload.id, 4, []) == 4
    assert (folder.path / "a.tif").read_bytes() == b"ours"
    assert leftovers(folder) == []


def test_lies_about_the_length_are_refused(store: UploadStore, folder: GroupFolder) -> None:
    upload = store.begin("", "a.tif", 10)
    store.append(upload.id, 0, [b"12345"])
    with pytest.raises(UploadTooLong):
        store.append(upload.id, 5, [b"678", b"90abc"])
    assert store.find(upload.id)[1] == 5
    assert not (folder.path / "a.tif").exists()
    with pytest.raises(UploadTooLong):
        store.begin("", "b.tif", (1 << 20) + 1)
    assert refusal(lambda: store.begin("", "b.tif", 0)) is FailureCategory.FILE_EMPTY
    assert refusal(lambda: store.begin("", "b.tif", -5)) is FailureCategory.FILE_EMPTY


@pytest.mark.parametrize(
    "name",
    ["../b.tif", "../../lab-b/x.tif", "/etc/x", "a/b.tif", "a\\b.tif", "", ".", "..", ".hidden", "a\0.tif", "a\n.tif"]
    + ["x" * 256],
)
def test_a_name_that_is_more_than_a_name_is_refused(store: UploadStore, folder: GroupFolder, name: str) -> None:
    assert refusal(lambda: store.begin("day1", name, 5)) is FailureCategory.BAD_REQUEST
    assert list(folder.path.rglob("*.partial")) == []


def test_a_folder_outside_the_group_is_refused(store: UploadStore, folder: GroupFolder) -> None:
    (folder.path / "away").symlink_to("../lab-b")
    for path in ("../lab-b", "away", "/tmp", "day1/../../lab-b"):
        assert refusal(lambda path=path: store.begin(path, "a.tif", 5)) is FailureCategory.PATH_OUTSIDE_FOLDER
    assert list(folder.path.parent.joinpath("lab-b").iterdir()) == []


def test_a_folder_that_becomes_a_link_while_it_uploads_is_not_followed(store: UploadStore, folder: GroupFolder) -> None:
    upload = store.begin("day1", "a.tif", 4)
    (folder.path / "day1").rmdir()
    (folder.path / "day1").symlink_to("../lab-b")
    assert refusal(lambda: store.append(upload.id, 0, [b"ours"])) is FailureCategory.PATH_OUTSIDE_FOLDER
    assert list(folder.path.parent.joinpath("lab-b").iterdir()) == []


def test_no_file_is_overwritten(store: UploadStore, folder: GroupFolder) -> None:
    (folder.path / "there.tif").write_bytes(b"before")
    assert refusal(lambda: store.begin("", "there.tif", 5)) is FailureCategory.BAD_REQUEST
    upload = store.begin("", "late.tif", 4)
    (folder.path / "late.tif").write_bytes(b"somebody's")
    assert refusal(lambda: store.append(upload.id, 0, [b"ours"])) is FailureCategory.BAD_REQUEST
    assert (folder.path / "late.tif").read_bytes() == b"somebody's"
    (folder.path / "late.tif").unlink()
    assert store.append(upload.id, 4, []) == 4  # the bytes were kept
    assert (folder.path / "late.tif").read_bytes() == b"ours"


def test_uploads_of_others_are_not_there(store: UploadStore, folder: GroupFolder) -> None:
    upload = store.begin("", "a.tif", 4)
    other = UploadStore(folder, BOB, most_bytes=1 << 20)
    for call in (other.find, other.cancel):
        assert refusal(lambda call=call: call(upload.id)) is FailureCategory.FILE_NOT_FOUND
    assert refusal(lambda: other.append(upload.id, 0, [b"x"])) is FailureCategory.FILE_NOT_FOUND
    for id in ("../../etc/passwd", "", "A" * 32, upload.id + "\n"):
        assert refusal(lambda id=id: store.find(id)) is FailureCategory.FILE_NOT_FOUND
    assert [one.id for one, _ in store.unfinished()] == [upload.id]
    assert other.unfinished() == ()
    store.cancel(upload.id)
    assert leftovers(folder) == []


def test_unfinished_uploads_are_limited_and_forgotten_ones_removed(store: UploadStore, folder: GroupFolder) -> None:
    uploads = [store.begin("", f"{number}.tif", 5) for number in range(MOST_UNFINISHED)]
    assert refusal(lambda: store.begin("", "one more.tif", 5)) is FailureCategory.BAD_REQUEST
    old = time.time() - KEPT.total_seconds() - 60
    for upload in uploads[1:]:
        os.utime(folder.path / UPLOADS / f"{upload.id}.partial", (old, old))
    store.begin("", "one more.tif", 5)
    assert {one.path for one, _ in store.unfinished()} == {"0.tif", "one more.tif"}
