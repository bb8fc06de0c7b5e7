"""A whole folder put into the list: every image once, a plate as a plate."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.failures import FailureError
from contracts.import_settings import Converter, ImportSettings
from contracts.preprocessing import Preprocessing
from omero_ui.imports import folder_files
from omero_ui.imports.folder_files import find_files
from omero_ui.imports.group_folder import GroupFolder, open_group_folder
from sandbox.samples.plate import write_plate
from sandbox.samples.time_lapse import write_time_lapse


@pytest.fixture
def folder(tmp_path: Path) -> GroupFolder:
    mine = tmp_path / "lab-a"
    (mine / "day1" / "deep").mkdir(parents=True)
    (mine / ".processed").mkdir()
    for name in ("day1/b10.TIF", "day1/b9.tif", "day1/notes.txt", "day1/deep/a.lif", ".processed/x.tif", "day1/e.xlef"):
        (mine / name).write_bytes(b"x")
    (mine / "day1" / "new\nline.tif").write_bytes(b"x")
    (mine / "day1" / "link.tif").symlink_to("b9.tif")
    (mine / "day1" / "up").symlink_to("..")
    write_plate(mine / "plate7", "plate7")
    (mine / "lapse").mkdir()
    write_time_lapse(mine / "lapse", "lapse")
    return open_group_folder(str(tmp_path), {}, "lab-a")


def test_every_image_comes_once(folder: GroupFolder) -> None:
    assert find_files(folder, "", ImportSettings()) == [
        "day1/b9.tif",
        "day1/b10.TIF",
        "day1/deep/a.lif",
        "lapse/lapse.companion.ome",
        "plate7/plate7.HTD",
    ]


def test_endings_of_converters_count(folder: GroupFolder) -> None:
    leica = Converter(title="x", extensions=(".xlef",), preprocessing=Preprocessing(converter="org/leica:v1"))
    assert "day1/e.xlef" in find_files(folder, "day1", ImportSettings(converters={"leica": leica}))


def test_nothing_and_too_much_are_said(folder: GroupFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.path / "empty").mkdir()
    with pytest.raises(FailureError, match="no image file"):
        find_files(folder, "empty", ImportSettings())
    monkeypatch.setattr(folder_files, "MOST_FILES", 2)
    with pytest.raises(FailureError, match="more than 2 image files"):
        find_files(folder, "", ImportSettings())
    monkeypatch.setattr(folder_files, "MOST_ENTRIES", 3)
    with pytest.raises(FailureError, match="too much"):
        find_files(folder, "", ImportSettings())
