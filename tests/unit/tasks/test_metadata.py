"""metadata.csv beside the images: a key and a value in each line."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.image_storage import ImageStorage
from contracts.failures import FailureCategory, FailureError
from tasks.annotate import read_metadata


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lab-a" / "day").mkdir(parents=True)
    return tmp_path / "lab-a" / "day"


def read(folder: Path) -> list[tuple[str, str]]:
    return read_metadata(ImageStorage(root=str(folder.parent.parent)), "lab-a", "day/a.tif")


def test_none_is_none(folder: Path) -> None:
    assert read(folder) == []


def test_pairs_quotes_unicode_and_blank_lines(folder: Path) -> None:
    (folder / "metadata.csv").write_text('Stain, DAPI\n\n"Dose, µM",5\nStain,GFP\n', "utf-8-sig")
    assert read(folder) == [("Stain", "DAPI"), ("Dose, µM", "5"), ("Stain", "GFP")]


@pytest.mark.parametrize("content", [b"only one column\n", b"a,b,c\n", b",value\n", b"key,\xff\xfe\n", b'"open,1\n'])
def test_what_is_no_table_is_refused(folder: Path, content: bytes) -> None:
    (folder / "metadata.csv").write_bytes(content)
    with pytest.raises(FailureError) as caught:
        read(folder)
    assert caught.value.failure.category is FailureCategory.BROKEN_FILE


def test_a_link_to_another_groups_table_is_refused(folder: Path) -> None:
    (folder.parent.parent / "lab-b.csv").write_text("secret,1\n")
    (folder / "metadata.csv").symlink_to("../../lab-b.csv")
    with pytest.raises(FailureError) as caught:
        read(folder)
    assert caught.value.failure.category is FailureCategory.PATH_OUTSIDE_FOLDER
