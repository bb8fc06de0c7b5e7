"""ImageXpress plates: names, folders, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from converters.reader import UnreadableFile, list_companions, open_image_file
from converters.readers.imagexpress_names import parse_field_name, row_index, well_name
from sandbox.samples import Sample

plates = st.text(min_size=1, max_size=30).filter(lambda text: "/" not in text and "\0" not in text)


@given(
    plate=plates,
    row=st.integers(0, 701),
    column=st.integers(0, 98),
    site=st.integers(1, 9999),
    wave=st.integers(1, 99),
    uuid=st.none() | st.uuids(),
    ending=st.sampled_from([".TIF", ".tif", ".tiff"]),
)
def test_names_are_parsed_as_they_are_made(
    plate: str, row: int, column: int, site: int, wave: int, uuid: object, ending: str
) -> None:
    name = f"{plate}_{well_name(row, column)}_s{site}_w{wave}{str(uuid).upper() if uuid else ''}{ending}"
    found = parse_field_name(name)
    assert found is not None
    assert (found.plate, found.row, found.column, found.site, found.wavelength) == (plate, row, column, site, wave)


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(name: str) -> None:
    found = parse_field_name(name)
    assert found is None or (found.row >= 0 and found.column >= 0 and found.plate)


@given(st.integers(0, 701))
def test_rows_and_letters_are_inverse(row: int) -> None:
    assert row_index(well_name(row, 0)[:-2]) == row


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("p_A01.TIF", (0, 0, 1, 1)),
        ("p_H12_w2.tif", (7, 11, 1, 2)),
        ("p_AF48_s3.TIF", (31, 47, 3, 1)),
        ("a_B02_s1_C03_s4_w2.tif", (2, 2, 4, 2)),
    ],
)
def test_site_and_wavelength_may_be_left_out(name: str, place: tuple[int, int, int, int]) -> None:
    found = parse_field_name(name)
    assert found is not None and (found.row, found.column, found.site, found.wavelength) == place


@pytest.mark.parametrize(
    "name",
    [
        "p_A01_s1_w1_thumb1B276A01-77BA-5B82-8701-57C344FF6B3D.TIF",
        "p_A00_s1.TIF",
        "A01.TIF",
        "p_A1_s1.TIF",
        "p_A01_s1_w1.png",
        "p_A01_sx_w1.TIF",
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert parse_field_name(name) is None


@pytest.fixture
def plate(samples: dict[str, Sample], tmp_path: Path) -> Path:
    folder = shutil.copytree(samples["imagexpress"].path.parent, tmp_path / "plate")
    return Path(folder) / samples["imagexpress"].path.name


def test_wells_fields_and_planes(plate: Path) -> None:
    with open_image_file(plate) as image:
        assert image.format == "ImageXpress" and image.plate is not None
        assert (image.plate.name, image.plate.rows, image.plate.columns) == ("dose_response", 2, 3)
        wells = {(well.row, well.column): well.fields for well in image.plate.wells}
        assert len(wells) == 6 and sorted(sum(wells.values(), ())) == list(range(12))
        series = image.series[wells[1, 2][1]]
        assert series.name == "dose_response [Well B03, field 2]"
        assert [channel.name for channel in series.channels] == ["DAPI", "FITC"]
        assert series.physical_size_x == pytest.approx(0.6496)
        assert series.acquired is not None and series.acquired.year == 2026
        for c in range(2):
            (file,) = (plate.parent / "TimePoint_1").glob(f"*_B03_s2_w{c + 1}*.TIF")
            np.testing.assert_array_equal(series.plane(0, c, 0), tifffile.imread(file))
    assert list_companions(plate) == (plate, *sorted((plate.parent / "TimePoint_1").iterdir()))


def test_a_single_tiff_of_a_plate_is_that_tiff(plate: Path) -> None:
    tiff = next(iter(sorted((plate.parent / "TimePoint_1").iterdir())))
    assert list_companions(tiff) == (tiff,)


def test_flat_folders_open_too(plate: Path) -> None:
    for file in list((plate.parent / "TimePoint_1").iterdir()):
        file.rename(plate.parent / file.name)
    (plate.parent / "TimePoint_1").rmdir()
    with open_image_file(plate) as image:
        assert len(image.series) == 12


def test_time_points_and_z_steps(plate: Path) -> None:
    first = plate.parent / "TimePoint_1"
    for z in (1, 2, 3):
        step = first / f"ZStep_{z}"
        step.mkdir()
        for file in [each for each in first.iterdir() if each.is_file()]:
            tifffile.imwrite(step / file.name, tifffile.imread(file) + z, photometric="minisblack", metadata=None)
    shutil.copytree(first, plate.parent / "TimePoint_2")
    with open_image_file(plate) as image:
        series = image.series[0]
        assert (series.size_z, series.size_t, series.size_c) == (3, 2, 2)
        (file,) = first.glob("*_A01_s1_w2*.TIF")
        np.testing.assert_array_equal(series.plane(2, 1, 1), tifffile.imread(file) + 3)


def test_wells_without_files_are_not_in_the_plate(plate: Path) -> None:
    for file in (plate.parent / "TimePoint_1").glob("*_B02_*"):
        file.unlink()
    with open_image_file(plate) as image:
        assert image.plate is not None and (1, 1) not in {(well.row, well.column) for well in image.plate.wells}


def test_a_missing_plane_is_named(plate: Path) -> None:
    next((plate.parent / "TimePoint_1").glob("*_A02_s2_w1*")).unlink()
    with pytest.raises(UnreadableFile, match=r"well A02, field 2: .*wavelength 1.* is missing"):
        open_image_file(plate)


@pytest.mark.parametrize("length", [0, 5, 300, 20_000])
def test_a_truncated_plane_is_named(plate: Path, length: int) -> None:
    file = next((plate.parent / "TimePoint_1").glob("*_A02_s2_w1*"))
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(UnreadableFile) as caught:
        open_image_file(plate)
    assert caught.value.path == file


def test_the_same_plane_twice_is_refused(plate: Path) -> None:
    file = next((plate.parent / "TimePoint_1").glob("*_A02_s2_w1*"))
    shutil.copy(file, file.parent / "dose_response_A02_s2_w1.TIF")
    with pytest.raises(UnreadableFile, match="are the same plane"):
        open_image_file(plate)


def test_planes_of_different_sizes_are_refused(plate: Path) -> None:
    file = next((plate.parent / "TimePoint_1").glob("*_A02_s2_w1*"))
    tifffile.imwrite(file, np.zeros((10, 10), np.uint16), metadata=None)
    with pytest.raises(UnreadableFile, match="different sizes"):
        open_image_file(plate)


def test_a_cut_off_htd_and_a_plate_without_images(plate: Path) -> None:
    whole = plate.read_bytes()
    plate.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFile, match="EndFile"):
        open_image_file(plate)
    plate.write_bytes(whole)
    shutil.rmtree(plate.parent / "TimePoint_1")
    with pytest.raises(UnreadableFile, match="no TIFF"):
        open_image_file(plate)
