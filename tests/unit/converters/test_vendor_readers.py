"""Leica LIF and Zeiss CZI: real files against liffile and pylibCZIrw, and CZIs written here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from liffile import LifFile
from pylibCZIrw import czi

from converters.reader import open_image_file

LIF = "leica_wavelength_sweep.lif"


def test_lif_planes_equal_liffile(shared_data: Path) -> None:
    path = shared_data / LIF
    with open_image_file(path) as image, LifFile(path) as lif:
        assert image.format == "Leica LIF"
        assert [series.name for series in image.series] == [one.path for one in lif.images]
        for series, expected in zip(image.series, lif.images, strict=True):
            whole = expected.asarray()
            sweep = "λ" if "λ" in expected.dims else "Λ"
            for z, c, t in np.ndindex(series.size_z, series.size_c, series.size_t):
                place = {"Z": z, sweep: c, "T": t}
                plane = whole[tuple(place[axis] for axis in expected.dims[:-2])]
                np.testing.assert_array_equal(series.plane(z, c, t), plane)
            np.testing.assert_array_equal(series.region(0, 1, 0, 7, 9, 20, 30), series.plane(0, 1, 0)[9:39, 7:27])


def test_lif_metadata(shared_data: Path) -> None:
    with open_image_file(shared_data / LIF) as image:
        emission, excitation, stack = image.series
        assert [channel.emission_nm for channel in emission.channels] == [550.0 + 10 * step for step in range(20)]
        assert [channel.excitation_nm for channel in excitation.channels] == [490.0 + 5 * step for step in range(15)]
        assert (stack.size_z, stack.size_c, stack.size_t) == (11, 10, 2)
        assert stack.physical_size_x == pytest.approx(0.104814, rel=1e-4)
        assert stack.physical_size_z == pytest.approx(0.5002, rel=1e-4)
        assert stack.uuid == "59577cae-6240-11eb-97d1-0015774389b1"
        assert stack.acquired is not None and stack.acquired.isoformat().startswith("2021-01-29T14:43:39")
        assert emission.channels[0].colour == (0, 255, 0, 255)


@pytest.mark.parametrize("name", ["zeiss_rgb-multichannel.czi", "zeiss_s_1_t_1_c_1_z_1.czi", "zeiss_tiles.czi"])
def test_czi_planes_equal_libczi(shared_data: Path, name: str) -> None:
    path = shared_data / name
    with open_image_file(path) as image, czi.open_czi(str(path)) as document:
        assert image.format == "Zeiss CZI"
        (series,) = image.series
        channel = 0
        for stored in range(len(document.pixel_types)):
            pixels = document.read(plane={"C": stored, "Z": 0, "T": 0})
            for sample in reversed(range(pixels.shape[2])):  # libCZI gives blue, green, red
                np.testing.assert_array_equal(series.plane(0, channel, 0), pixels[:, :, sample])
                np.testing.assert_array_equal(series.region(0, channel, 0, 3, 5, 40, 30), pixels[5:35, 3:43, sample])
                channel += 1
        assert channel == series.size_c


def test_czi_metadata(shared_data: Path) -> None:
    with open_image_file(shared_data / "zeiss_tiles.czi") as image:
        series = image.series[0]
        assert (series.size_x, series.size_y) == (510, 512)
        assert [(channel.name, channel.colour) for channel in series.channels] == [
            ("Ch1", (0, 255, 0, 255)),
            ("T PMT", (255, 255, 255, 255)),
        ]
        assert series.channels[0].emission_nm == 571.0
        assert series.physical_size_x == pytest.approx(0.83027, rel=1e-4)
        assert series.physical_size_z is None
    with open_image_file(shared_data / "zeiss_rgb-multichannel.czi") as image:
        series = image.series[0]
        assert series.size_c == 21
        assert [channel.name for channel in series.channels[3:6]] == ["Pol_0 Red", "Pol_0 Green", "Pol_0 Blue"]
        assert series.acquired is not None and series.acquired.isoformat() == "2019-12-08T20:28:57.949441+00:00"


@pytest.fixture
def scenes(tmp_path: Path) -> tuple[Path, dict[tuple[int, int, int], np.ndarray]]:
    """A CZI of two scenes apart from each other, 2 channels, 3 planes, with names and sizes."""
    path = tmp_path / "scenes.czi"
    random = np.random.default_rng(3)
    planes = {}
    with czi.create_czi(str(path)) as document:
        for scene, c, z in np.ndindex(2, 2, 3):
            pixels = random.integers(1, 4000, (40 + 10 * scene, 60, 1), dtype=np.uint16)
            planes[scene, c, z] = pixels[:, :, 0]
            document.write(pixels, plane={"C": c, "Z": z, "T": 0}, scene=scene, location=(scene * 500 + 13, scene * 7))
        document.write_metadata(
            "scenes", channel_names={0: "DAPI", 1: "mCherry"}, scale_x=1e-7, scale_y=2e-7, scale_z=5e-7
        )
    return path, planes


def test_czi_scenes_are_series(scenes: tuple[Path, dict[tuple[int, int, int], np.ndarray]]) -> None:
    path, planes = scenes
    with open_image_file(path) as image:
        assert [(series.size_x, series.size_y, series.size_z) for series in image.series] == [(60, 40, 3), (60, 50, 3)]
        assert [channel.name for channel in image.series[0].channels] == ["DAPI", "mCherry"]
        assert image.series[0].physical_size_x == pytest.approx(0.1)
        assert image.series[0].physical_size_y == pytest.approx(0.2)
        assert image.series[0].physical_size_z == pytest.approx(0.5)
        for (scene, c, z), expected in planes.items():
            np.testing.assert_array_equal(image.series[scene].plane(z, c, 0), expected)


def test_czi_is_read_from_many_threads(scenes: tuple[Path, dict[tuple[int, int, int], np.ndarray]]) -> None:
    path, planes = scenes
    with open_image_file(path) as image, ThreadPoolExecutor(8) as pool:
        keys = list(planes) * 10
        found = pool.map(lambda key: image.series[key[0]].plane(key[2], key[1], 0), keys)
        for key, plane in zip(keys, found, strict=True):
            np.testing.assert_array_equal(plane, planes[key])


def test_closed_czi_refuses(scenes: tuple[Path, dict[tuple[int, int, int], np.ndarray]]) -> None:
    image = open_image_file(scenes[0])
    image.close()
    image.close()
    with pytest.raises(Exception, match="closed"):
        image.series[0].plane(0, 0, 0)
