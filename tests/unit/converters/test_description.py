"""`python -m converters describe`: what a file holds, and a small picture of each image."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile
from imagecodecs import png_decode

from contracts.file_contents import FileContents, UnreadContents, WhyUnread
from converters.description import describe
from converters.reader import open_image_file
from converters.thumbnail import draw_thumbnail
from sandbox.samples import Sample

HOUSE = Path(__file__).resolve().parents[3]


def ask(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "converters", "describe", *map(str, arguments)],
        cwd=HOUSE,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_a_plate_is_told_with_its_wells_and_its_files(samples: dict[str, Sample]) -> None:
    answer = ask("--first", 2, "--most", 3, "--thumbnail", 64, samples["imagexpress"].path)
    contents = FileContents.model_validate_json(answer.stdout)
    assert answer.returncode == 0
    assert contents.plate is not None
    assert (contents.plate.rows, contents.plate.columns, contents.plate.wells, contents.series_count) == (2, 3, 6, 12)
    assert [(one.index, one.well) for one in contents.series] == [
        (2, "A02, field 1"),
        (3, "A02, field 2"),
        (4, "A03, field 1"),
    ]
    assert contents.series[0].channels == ("DAPI", "FITC")
    assert contents.files[0] == str(samples["imagexpress"].path)
    assert len(contents.files) == 1 + 6 * 2 * 2
    picture = png_decode(base64.b64decode(contents.series[0].thumbnail or ""))
    assert picture.shape == (64, 64, 3)
    assert picture.max() > 200


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    answer = ask(tmp_path / "a.zip")
    unread = UnreadContents.model_validate_json(answer.stdout)
    assert (answer.returncode, unread.why) == (1, WhyUnread.UNKNOWN_FORMAT)
    assert "ZIP" in unread.reason
    (tmp_path / "a.tif").write_bytes(b"II*\x00\x08\x00")
    assert UnreadContents.model_validate_json(ask(tmp_path / "a.tif").stdout).why is WhyUnread.BROKEN_FILE


def test_a_picture_shows_the_smallest_level_that_is_large_enough(samples: dict[str, Sample]) -> None:
    """The picture lies where the image is bright, whatever its values; more than a small level is never read."""
    with open_image_file(samples["ome-tiff"].path) as image:
        series = image.series[0]
        picture = png_decode(draw_thumbnail(series, 80))
        full = sum(series.plane(series.size_z // 2, c, 0).astype(float) for c in range(series.size_c))
    step = full.shape[0] // picture.shape[0]
    coarse = full[: picture.shape[0] * step, : picture.shape[1] * step]
    coarse = coarse.reshape(picture.shape[0], step, picture.shape[1], step).mean(axis=(1, 3))
    assert np.corrcoef(picture.sum(axis=2).ravel(), coarse.ravel())[0, 1] > 0.7


def test_a_picture_that_would_cost_too_much_is_left_out(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "large.tif", np.zeros((3000, 3000), np.uint8), compression="zlib")
    contents = describe(tmp_path / "large.tif", 0, 1, 96)
    assert (contents.series[0].thumbnail, contents.series[0].size_x) == (None, 3000)
