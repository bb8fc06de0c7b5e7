"""OME-TIFF in one file and in many."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from converters.reader import UnreadableFile, list_companions, open_image_file
from sandbox.samples import Sample


def noise(*shape: int, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return (np.random.default_rng(6).random(shape) * 200).astype(dtype)


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "ZTCYX", "CTZYX", "CZTYX", "ZCTYX"])
def test_every_dimension_order(tmp_path: Path, axes: str) -> None:
    path = tmp_path / "a.ome.tif"
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}
    data = noise(*(sizes[axis] for axis in axes))
    tifffile.imwrite(path, data, metadata={"axes": axes}, compression="zlib")
    with open_image_file(path) as image:
        (series,) = image.series
        assert image.format == "OME-TIFF"
        assert (series.size_z, series.size_c, series.size_t) == (4, 3, 2)
        for t, c, z in np.ndindex(2, 3, 4):
            place = {"T": t, "C": c, "Z": z}
            np.testing.assert_array_equal(series.plane(z, c, t), data[tuple(place[axis] for axis in axes[:3])])


def test_metadata_are_kept(samples: dict[str, Sample]) -> None:
    with open_image_file(samples["ome-tiff"].path) as image:
        (series,) = image.series
        assert series.name == "HeLa, 40x"
        assert [channel.name for channel in series.channels] == ["DAPI", "GFP"]
        assert [channel.colour for channel in series.channels] == [(0, 102, 255, 255), (0, 255, 0, 255)]
        assert [channel.emission_nm for channel in series.channels] == [461.0, 509.0]
        assert (series.physical_size_x, series.physical_size_z) == (0.1625, 0.8)
        assert series.acquired is not None and series.acquired.isoformat() == "2026-03-02T09:30:00+00:00"
        assert series.levels == ((640, 640), (320, 320))


def test_units_become_micrometres(tmp_path: Path) -> None:
    path = tmp_path / "nm.ome.tif"
    tifffile.imwrite(
        path,
        noise(5, 5),
        metadata={
            "axes": "YX",
            "PhysicalSizeX": 250.0,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 3.0,
            "PhysicalSizeYUnit": "pixel",
        },
    )
    with open_image_file(path) as image:
        assert image.series[0].physical_size_x == pytest.approx(0.25)
        assert image.series[0].physical_size_y is None


def test_rgb_and_several_images(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    colour, grey = noise(4, 20, 30, 3, dtype="uint8"), noise(2, 10, 11)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(colour, photometric="rgb", metadata={"axes": "ZYXS", "Name": "colour"})
        tiff.write(grey, photometric="minisblack", metadata={"axes": "TYX", "Name": "grey"})
    with open_image_file(path) as image:
        first, second = image.series
        assert (first.name, first.size_c, first.size_z) == ("colour", 3, 4)
        assert (second.name, second.size_c, second.size_t) == ("grey", 1, 2)
        assert first.channels[0].colour == (255, 0, 0, 255)
        for z, c in np.ndindex(4, 3):
            np.testing.assert_array_equal(first.plane(z, c, 0), colour[z, :, :, c])
        np.testing.assert_array_equal(second.plane(0, 0, 1), grey[1])


class TestCompanion:
    """A `.companion.ome` and its TIFFs."""

    @pytest.fixture
    def folder(self, samples: dict[str, Sample], tmp_path: Path) -> Path:
        return Path(shutil.copytree(samples["ome-tiff-companion"].path.parent, tmp_path / "set"))

    def test_opens_from_any_of_its_files(self, folder: Path) -> None:
        companion = folder / "migration.companion.ome"
        tiffs = tuple(folder / f"migration_t{t}.ome.tif" for t in range(4))
        for path in (companion, *tiffs):
            assert list_companions(path) == (companion, *tiffs)
            with open_image_file(path) as image:
                (series,) = image.series
                assert (series.size_c, series.size_t) == (2, 4)
                for t, c in np.ndindex(4, 2):
                    np.testing.assert_array_equal(series.plane(0, c, t), tifffile.imread(tiffs[t], key=c))

    def test_a_missing_tiff_is_named(self, folder: Path) -> None:
        (folder / "migration_t2.ome.tif").unlink()
        with pytest.raises(UnreadableFile, match=r"migration_t2\.ome\.tif") as caught:
            open_image_file(folder / "migration.companion.ome")
        assert caught.value.path.name == "migration_t2.ome.tif"
        assert "missing" in caught.value.reason

    def test_a_missing_companion_is_named(self, folder: Path) -> None:
        (folder / "migration.companion.ome").unlink()
        with pytest.raises(UnreadableFile, match=r"migration\.companion\.ome"):
            open_image_file(folder / "migration_t0.ome.tif")

    def test_a_truncated_tiff_is_named(self, folder: Path) -> None:
        broken = folder / "migration_t3.ome.tif"
        broken.write_bytes(broken.read_bytes()[:-4000])
        with pytest.raises(UnreadableFile) as caught:
            open_image_file(folder / "migration.companion.ome")
        assert caught.value.path == broken

    def test_an_exchanged_tiff_is_named(self, folder: Path) -> None:
        (folder / "migration_t1.ome.tif").write_bytes(b"not an image at all")
        with pytest.raises(UnreadableFile, match=r"migration_t1\.ome\.tif.*no TIFF"):
            open_image_file(folder / "migration.companion.ome")

    def test_a_cut_off_companion(self, folder: Path) -> None:
        companion = folder / "migration.companion.ome"
        whole = companion.read_bytes()
        for length in range(60, len(whole) - 10, 97):
            companion.write_bytes(whole[:length])
            with pytest.raises(UnreadableFile):
                open_image_file(companion)


def test_files_that_name_each_other(tmp_path: Path) -> None:
    """Each file holds the whole metadata; a path in FileName is taken for the name in the same folder."""
    names = ["a_1.ome.tif", "a_2.ome.tif"]
    blocks = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="C:\\data\\{name}">urn:uuid:{t}</UUID>'
        "</TiffData>"
        for t, name in enumerate(names)
    )
    data = noise(2, 8, 9)
    for t, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{t}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="9" '
            f'SizeY="8" SizeZ="1" SizeC="1" SizeT="2">{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, data[t], description=xml, metadata=None)
    for name in names:
        with open_image_file(tmp_path / name) as image:
            assert set(image.files) == {tmp_path / each for each in names}
            assert image.files[0].name == name
            np.testing.assert_array_equal(image.series[0].plane(0, 0, 1), data[1])
    (tmp_path / names[1]).unlink()
    with pytest.raises(UnreadableFile, match=r"a_2\.ome\.tif"):
        open_image_file(tmp_path / names[0])


def test_a_renamed_single_file_opens(samples: dict[str, Sample], tmp_path: Path) -> None:
    path = tmp_path / "renamed twice.tif"
    tifffile.imwrite(tmp_path / "first.ome.tif", noise(3, 8, 9), metadata={"axes": "ZYX"})
    (tmp_path / "first.ome.tif").rename(path)
    with open_image_file(path) as image:
        assert (image.format, image.series[0].size_z) == ("OME-TIFF", 3)


def test_plates_in_ome_xml(tmp_path: Path) -> None:
    path = tmp_path / "plate.ome.tif"
    pixels = (
        '<Pixels ID="Pixels:{0}" DimensionOrder="XYZCT" Type="uint16" SizeX="9" SizeY="8" SizeZ="1" SizeC="1" '
        'SizeT="1"><TiffData IFD="{0}" PlaneCount="1"/></Pixels>'
    )
    images = "".join(f'<Image ID="Image:{n}" Name="f{n}">{pixels.format(n)}</Image>' for n in range(3))
    xml = (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Plate ID="Plate:0" Name="P1" Rows="8" '
        'Columns="12"><Well ID="Well:0" Row="1" Column="2"><WellSample ID="WellSample:1" Index="1"><ImageRef '
        'ID="Image:2"/></WellSample><WellSample ID="WellSample:0" Index="0"><ImageRef ID="Image:0"/></WellSample>'
        '</Well><Well ID="Well:1" Row="3" Column="0"><WellSample ID="WellSample:2" Index="2"><ImageRef '
        f'ID="Image:1"/></WellSample></Well></Plate>{images}</OME>'
    )
    with tifffile.TiffWriter(path) as tiff:
        for n in range(3):
            tiff.write(noise(8, 9), metadata=None, description=xml if n == 0 else None)
    with open_image_file(path) as image:
        assert image.plate is not None
        assert (image.plate.name, image.plate.rows, image.plate.columns) == ("P1", 8, 12)
        assert [(well.row, well.column, well.fields) for well in image.plate.wells] == [(1, 2, (0, 2)), (3, 0, (1,))]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('SizeX="9"', 'SizeX="10"'), "OME-XML says 10 x 8"),
        (('Type="uint16"', 'Type="uint8"'), "says uint8"),
        (('SizeZ="1"', 'SizeZ="4"'), "lacks 3 of its 4 planes"),
        (('SizeT="1"', 'SizeT="0"'), "SizeT is 0"),
        (("XYZCT", "XYZZT"), "DimensionOrder"),
        (('Type="uint16"', 'Type="int64"'), "int64"),
        (('IFD="0"', 'IFD="7"'), "page 8"),
        (('IFD="0"', 'IFD="-1"'), "negative"),
        (("<Image", "<Imago"), "damaged"),
        (('SizeC="1"', 'SizeC="one"'), "one"),
    ],
)
def test_contradictions_are_told(tmp_path: Path, change: tuple[str, str], reason: str) -> None:
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="9" SizeY="8" SizeZ="1" SizeC="1" SizeT="1"><TiffData IFD="0" '
        'PlaneCount="1"/></Pixels></Image></OME>'
    )
    assert change[0] in xml
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, noise(8, 9), metadata=None, description=xml.replace(*change))
    with pytest.raises(UnreadableFile, match=reason):
        open_image_file(path)
