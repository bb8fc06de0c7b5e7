"""A file opened into its images: in a process of its own, and nothing that lies outside the folder is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.failures import FailureCategory, FailureError
from omero_ui.imports.group_folder import open_group_folder
from omero_ui.imports.opened_file import open_file
from sandbox.samples.plate import write_plate


def test_a_plate_opens_into_its_images(tmp_path: Path) -> None:
    write_plate(tmp_path / "lab-a" / "plate7", "plate7")
    folder = open_group_folder(str(tmp_path), {}, "lab-a")
    contents = open_file(folder, "plate7/plate7.HTD")
    assert contents.plate is not None and contents.series_count == 12
    assert contents.series[0].thumbnail is not None
    assert open_file(folder, "plate7/plate7.HTD") is contents  # it was not read again
    (tmp_path / "lab-a" / "plate7" / "plate7.HTD").touch()
    assert open_file(folder, "plate7/plate7.HTD") is not contents


def test_a_plate_whose_images_are_links_to_another_group_is_not_told(tmp_path: Path) -> None:
    write_plate(tmp_path / "lab-b" / "plate7", "plate7")
    ours = tmp_path / "lab-a" / "plate7"
    (ours / "TimePoint_1").mkdir(parents=True)
    theirs = tmp_path / "lab-b" / "plate7"
    (ours / "plate7.HTD").write_bytes((theirs / "plate7.HTD").read_bytes())
    for file in (theirs / "TimePoint_1").iterdir():
        (ours / "TimePoint_1" / file.name).symlink_to(file)
    with pytest.raises(FailureError) as caught:
        open_file(open_group_folder(str(tmp_path), {}, "lab-a"), "plate7/plate7.HTD")
    assert caught.value.failure.category is FailureCategory.PATH_OUTSIDE_FOLDER


@pytest.mark.parametrize(
    ("content", "category"),
    [
        (b"PK\x03\x04zip", FailureCategory.UNKNOWN_FORMAT),
        (b"II*\x00\x08\x00\x00\x00", FailureCategory.BROKEN_FILE),
    ],
)
def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path, content: bytes, category: FailureCategory) -> None:
    (tmp_path / "lab-a").mkdir()
    (tmp_path / "lab-a" / "-x.tif").write_bytes(content)
    with pytest.raises(FailureError) as caught:
        open_file(open_group_folder(str(tmp_path), {}, "lab-a"), "-x.tif")
    assert caught.value.failure.category is category
