"""What ImageStorage lets a group read, and how it refuses the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.image_storage import ImageStorage
from contracts.failures import FailureCategory, FailureError


@pytest.fixture
def storage(tmp_path: Path) -> ImageStorage:
    for group in ("lab-a", "lab-b"):
        (tmp_path / group).mkdir()
    (tmp_path / "lab-b" / "secret.tif").write_bytes(b"theirs")
    return ImageStorage(root=str(tmp_path))


def refusal(call: Callable[[], object]) -> FailureCategory:
    with pytest.raises(FailureError) as caught:
        call()
    assert caught.value.failure.next_step
    return caught.value.failure.category


@pytest.mark.parametrize(
    "name",
    [
        "a b.tif",
        'it\'s "quoted".tif',
        "naïve µm 細胞.tif",
        "-n.tif",
        "x" * 251 + ".tif",
        "$(id).tif",
    ],
)
def test_any_printable_name_can_be_read(storage: ImageStorage, name: str) -> None:
    path = storage.folder("lab-a") / name
    path.write_bytes(b"pixels")
    assert storage.identify("lab-a", name).path == str(path)
    assert storage.identify("lab-a", name).size == 6


def test_a_link_inside_the_folder_is_followed(storage: ImageStorage) -> None:
    folder = storage.folder("lab-a")
    (folder / "a.tif").write_bytes(b"pixels")
    (folder / "link.tif").symlink_to("a.tif")
    assert storage.identify("lab-a", "link.tif").path == str(folder / "a.tif")


@pytest.mark.parametrize("target", ["/etc/passwd", "../lab-b/secret.tif"])
def test_a_link_out_of_the_folder_is_refused(storage: ImageStorage, target: str) -> None:
    (storage.folder("lab-a") / "link.tif").symlink_to(target)
    assert refusal(lambda: storage.identify("lab-a", "link.tif")) is FailureCategory.PATH_OUTSIDE_FOLDER


def test_a_linked_folder_out_of_the_folder_is_refused(storage: ImageStorage) -> None:
    (storage.folder("lab-a") / "theirs").symlink_to("../lab-b")
    assert refusal(lambda: storage.identify("lab-a", "theirs/secret.tif")) is FailureCategory.PATH_OUTSIDE_FOLDER


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("../lab-b/secret.tif", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("/etc/passwd", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("two\nlines.tif", FailureCategory.BAD_REQUEST),
        ("x" * 256, FailureCategory.BAD_REQUEST),
        ("missing.tif", FailureCategory.FILE_NOT_FOUND),
        ("empty.tif", FailureCategory.FILE_EMPTY),
        ("empty.tif/inside.tif", FailureCategory.FILE_NOT_FOUND),
        ("folder", FailureCategory.NOT_A_FILE),
        ("pipe", FailureCategory.NOT_A_FILE),
        ("loop", FailureCategory.FILE_NOT_FOUND),
    ],
)
def test_what_cannot_be_imported_is_refused_by_name(
    storage: ImageStorage, path: str, category: FailureCategory
) -> None:
    folder = storage.folder("lab-a")
    (folder / "empty.tif").touch()
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    assert refusal(lambda: storage.identify("lab-a", path)) is category


def swap_for_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / "lab-b" / "secret.tif")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("change", [swap_for_link, append, replace, Path.unlink])
def test_a_file_that_changes_after_the_check_is_caught(storage: ImageStorage, change: Callable[[Path], None]) -> None:
    path = storage.folder("lab-a") / "a.tif"
    path.write_bytes(b"pixels")
    identity = storage.identify("lab-a", "a.tif")
    storage.check_unchanged("lab-a", identity)
    change(path)
    assert refusal(lambda: storage.check_unchanged("lab-a", identity)) is FailureCategory.FILE_CHANGED


def test_a_folder_swapped_for_a_link_after_the_check_is_caught(storage: ImageStorage) -> None:
    folder = storage.folder("lab-a")
    (folder / "day").mkdir()
    (folder / "day" / "secret.tif").write_bytes(b"theirs")
    identity = storage.identify("lab-a", "day/secret.tif")
    (folder / "day").rename(folder / "was")
    (folder / "day").symlink_to(folder.parent / "lab-b")
    assert refusal(lambda: storage.check_unchanged("lab-a", identity)) is FailureCategory.FILE_CHANGED


def test_a_group_without_a_folder_is_said(storage: ImageStorage) -> None:
    assert refusal(lambda: storage.folder("lab-c")) is FailureCategory.NOT_CONFIGURED


def test_a_storage_that_is_not_mounted_is_said(tmp_path: Path) -> None:
    storage = ImageStorage(root=str(tmp_path / "not mounted"))
    assert refusal(lambda: storage.folder("lab-a")) is FailureCategory.STORAGE_UNAVAILABLE


def test_a_mount_point_without_its_mount_is_said(tmp_path: Path) -> None:
    storage = ImageStorage(root=str(tmp_path))
    assert refusal(lambda: storage.folder("lab-a")) is FailureCategory.STORAGE_UNAVAILABLE
    assert refusal(lambda: storage.identify("lab-a", "a.tif")) is FailureCategory.STORAGE_UNAVAILABLE


def test_a_groups_folder_whose_mount_has_gone_is_said(storage: ImageStorage) -> None:
    path = storage.folder("lab-a") / "a.tif"
    path.write_bytes(b"pixels")
    identity = storage.identify("lab-a", "a.tif")
    path.unlink()
    mounted = identity.model_copy(update={"device": identity.device + 1})
    assert refusal(lambda: storage.check_unchanged("lab-a", mounted)) is FailureCategory.STORAGE_UNAVAILABLE


def test_a_mapping_out_of_the_root_is_refused(tmp_path: Path) -> None:
    storage = ImageStorage(root=str(tmp_path), groups={"lab-a": "../elsewhere"})
    assert refusal(lambda: storage.folder("lab-a")) is FailureCategory.NOT_CONFIGURED
