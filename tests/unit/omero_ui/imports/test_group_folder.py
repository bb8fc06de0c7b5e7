"""The group's folder as the browser may see it: nothing outside it, and only what the page shows is looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import FailureCategory, FailureError
from contracts.source_file import check_relative_path
from omero_ui.imports.folder_page import Order, crumbs, list_folder, natural
from omero_ui.imports.group_folder import GroupFolder, open_group_folder


@pytest.fixture
def folder(tmp_path: Path) -> GroupFolder:
    """lab-a's folder; beside it lab-b's with a secret, and links to it of every kind."""
    mine, theirs = tmp_path / "lab-a", tmp_path / "lab-b"
    for path in (mine / "day1" / "deep", theirs):
        path.mkdir(parents=True)
    (theirs / "secret.tif").write_bytes(b"theirs")
    (mine / "day1" / "a.tif").write_bytes(b"ours")
    (mine / "away").symlink_to(theirs)
    (mine / "away.tif").symlink_to("../lab-b/secret.tif")
    (mine / "day1" / "within.tif").symlink_to("a.tif")
    (mine / "loop").symlink_to("loop")
    (mine / "pipe").parent.joinpath("pipe").unlink(missing_ok=True)
    os.mkfifo(mine / "pipe")
    return open_group_folder(str(tmp_path), {}, "lab-a")


def refusal(call: Callable[[], object]) -> FailureCategory:
    with pytest.raises(FailureError) as caught:
        call()
    assert caught.value.failure.next_step
    return caught.value.failure.category


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("../lab-b/secret.tif", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("day1/../../lab-b/secret.tif", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("/etc/passwd", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("away/secret.tif", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("away.tif", FailureCategory.PATH_OUTSIDE_FOLDER),
        ("%2e%2e/lab-b/secret.tif", FailureCategory.FILE_NOT_FOUND),
        ("day1/a.tif\0.png", FailureCategory.BAD_REQUEST),
        ("day1//a.tif", FailureCategory.BAD_REQUEST),
        ("day1/./a.tif", FailureCategory.BAD_REQUEST),
        ("loop", FailureCategory.FILE_NOT_FOUND),
        ("pipe", FailureCategory.NOT_A_FILE),
        ("day1", FailureCategory.NOT_A_FILE),
        ("x" * 256, FailureCategory.BAD_REQUEST),
    ],
)
def test_a_path_that_leaves_the_folder_or_is_no_file_is_refused(
    folder: GroupFolder, path: str, category: FailureCategory
) -> None:
    assert refusal(lambda: folder.identify(path)) is category


def test_links_inside_the_folder_are_followed(folder: GroupFolder) -> None:
    real, status = folder.identify("day1/within.tif")
    assert (real.name, status.st_size) == ("a.tif", 4)


def test_a_folder_that_is_swapped_for_a_link_after_the_check_is_not_read(
    folder: GroupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder.path / "day1"

    def resolve_then_swap(self: GroupFolder, path: str) -> Path:
        real.rename(real.with_name("moved"))
        real.symlink_to("../lab-b")
        return real

    monkeypatch.setattr(GroupFolder, "resolve", resolve_then_swap)
    assert refusal(lambda: list_folder(folder, "day1")) in {FailureCategory.NOT_A_FILE, FailureCategory.FILE_NOT_FOUND}


def test_a_listing_tells_what_can_be_chosen_and_why_not(folder: GroupFolder) -> None:
    (folder.path / ".processed").mkdir()
    (folder.path / "empty.tif").touch()
    (folder.path / "new\nline.tif").write_bytes(b"x")
    with open(os.fsencode(folder.path) + b"/latin-\xe9.tif", "wb") as file:
        file.write(b"x")
    page = list_folder(folder, "")
    shown = {entry.name: entry for entry in page.entries}
    assert ".processed" not in shown
    assert shown["day1"].is_folder and shown["day1"].refusal is None and shown["day1"].path == "day1"
    refused = {"away", "away.tif", "loop", "pipe", "empty.tif", "new\N{REPLACEMENT CHARACTER}line.tif", "latin-?.tif"}
    assert {name for name, entry in shown.items() if entry.refusal} == refused
    assert all(not entry.path for entry in shown.values() if entry.refusal)
    assert "theirs" not in repr(page) and shown["away.tif"].refusal is not None


def test_pages_sort_filter_and_end(tmp_path: Path) -> None:
    (tmp_path / "lab-a").mkdir()
    for number in range(250):
        (tmp_path / "lab-a" / f"plate{number}.tif").write_bytes(b"x" * (number + 1))
        os.utime(tmp_path / "lab-a" / f"plate{number}.tif", (1_000_000 - number, 1_000_000 - number))
    (tmp_path / "lab-a" / "zz folder").mkdir()
    folder = open_group_folder(str(tmp_path), {}, "lab-a")
    names = []
    first: int | None = 0
    while first is not None:
        page = list_folder(folder, "", first=first)
        names += [entry.name for entry in page.entries]
        first = page.next
    assert names == ["zz folder", *(f"plate{number}.tif" for number in range(250))]
    largest = list_folder(folder, "", order=Order.SIZE, backwards=True, pattern="PLATE", most=2)
    assert [(entry.name, entry.size) for entry in largest.entries] == [("plate249.tif", 250), ("plate248.tif", 249)]
    assert (largest.count, largest.all) == (250, 251)
    assert list_folder(folder, "", order=Order.DATE, most=3).entries[1].name == "plate249.tif"


def test_a_storage_that_is_not_there_and_a_group_without_folder_are_told_apart(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert refusal(lambda: open_group_folder(gone, {}, "lab-a")) is FailureCategory.STORAGE_UNAVAILABLE
    assert refusal(lambda: open_group_folder(str(tmp_path), {}, "lab-a")) is FailureCategory.NOT_CONFIGURED
    assert refusal(lambda: open_group_folder(str(tmp_path), {"x": "../.."}, "x")) is FailureCategory.NOT_CONFIGURED
    assert refusal(lambda: open_group_folder(str(tmp_path), {}, "../..")) is FailureCategory.NOT_CONFIGURED
    assert open_group_folder(str(tmp_path), {"all": "."}, "all").path == tmp_path


@given(st.text(max_size=40))
def test_whatever_a_browser_sends_is_refused_or_inside(path: str) -> None:
    folder = GroupFolder("lab-a", Path(__file__).parent)
    try:
        real = folder.resolve(path)
    except FailureError:
        return
    assert real.is_relative_to(folder.path)
    if path:
        check_relative_path(path)


def test_numbers_in_names_count() -> None:
    names = ["Plate10", "plate2", "plate 1", "10", "9", "plate²"]
    assert sorted(names, key=natural)[:2] == ["9", "10"]
    assert sorted(["Plate10", "plate2"], key=natural) == ["plate2", "Plate10"]
    assert crumbs("a/b") == [("a", "a"), ("b", "a/b")]
    assert crumbs("") == []
