"""Pixels as clients get them from RawPixelsStore, beside what the file's reader gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.romio
import pytest
import tifffile
from omero.gateway import BlitzGateway

from converters.reader import Series, list_companions, open_image_file
from sandbox.omero.pixels import PIXEL_TYPES
from sandbox.omero.server import EmbeddedOmero
from sandbox.samples.sample_files import Sample
from tests.sandbox.omero_pixels.omero_client import import_files

#: Real microscope files, where this machine has them; they are not part of the project.
REAL_FILES = Path(os.environ.get("OMERO_FLOWS_REAL_FILES", Path(__file__).parents[4] / "shared" / "data"))
REAL_NAMES = (
    "leica_wavelength_sweep.lif",
    "zeiss_rgb-multichannel.czi",
    "zeiss_s_1_t_1_c_1_z_1.czi",
    "zeiss_tiles.czi",
)


def assert_planes_equal(gateway: BlitzGateway, image: int, series: Series) -> None:
    """The first and the last plane of every channel and time point."""
    pixels = gateway.getObject("Image", image).getPrimaryPixels()
    places = sorted(
        {(z, c, t) for z in (0, series.size_z - 1) for c in range(series.size_c) for t in (0, series.size_t - 1)}
    )
    for place, plane in zip(places, pixels.getPlanes(places), strict=True):
        np.testing.assert_array_equal(plane, series.plane(*place))


@pytest.mark.parametrize("kind", ["tiff", "ome-tiff", "ome-tiff-companion", "imagexpress"])
def test_planes_of_samples(alice: BlitzGateway, samples: dict[str, Sample], kind: str) -> None:
    files = list_companions(samples[kind].path)
    outcome = import_files(alice, files)
    with open_image_file(files[0]) as expected:
        assert len(outcome.images) == len(expected.series)
        for image, series in zip(outcome.images, expected.series, strict=True):
            assert_planes_equal(alice, image, series)


@pytest.mark.parametrize("name", REAL_NAMES)
def test_planes_of_real_files(alice: BlitzGateway, name: str) -> None:
    path = REAL_FILES / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    outcome = import_files(alice, [path])
    with open_image_file(path) as expected:
        for image, series in zip(outcome.images, expected.series, strict=True):
            assert_planes_equal(alice, image, series)
            shown = alice.getObject("Image", image)
            assert shown.getSizeC() == series.size_c
            assert len(shown.getThumbnail()) > 300


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_pixel_type_is_read_and_written(alice: BlitzGateway, tmp_path: Path, dtype: str) -> None:
    ramp = np.linspace(0, 100, 30 * 20).reshape(30, 20)
    plane = (ramp if dtype.startswith(("uint", "float")) else ramp - 50).astype(dtype)
    path = tmp_path / f"{dtype}.tif"
    tifffile.imwrite(path, plane)
    image = alice.getObject("Image", import_files(alice, [path]).images[0])
    assert PIXEL_TYPES[image.getPixelsType()] == np.dtype(dtype)
    np.testing.assert_array_equal(image.getPrimaryPixels().getPlane(), plane)
    made = alice.createImageFromNumpySeq(iter([plane, plane.T.reshape(30, 20)]), "made", sizeZ=2)
    stored = alice.getObject("Image", made.id).getPrimaryPixels()
    np.testing.assert_array_equal(stored.getPlane(0), plane)
    np.testing.assert_array_equal(stored.getPlane(1), plane.T.reshape(30, 20))


@pytest.fixture
def stack(alice: BlitzGateway, tmp_path: Path) -> tuple[Any, np.ndarray[Any, Any], int]:
    """A RawPixelsStore on an imported image, its pixels in the order t, c, z, y, x, and the image's id."""
    pixels = np.random.default_rng(5).integers(0, 60000, (2, 3, 4, 20, 30), np.uint16)  # t z c y x
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, pixels, metadata={"axes": "TZCYX"})
    outcome = import_files(alice, [path])
    store = alice.c.sf.createRawPixelsStore()
    store.setPixelsId(outcome.pixels[0], False)
    return store, pixels.transpose(0, 2, 1, 3, 4), outcome.images[0]


def big_endian(pixels: np.ndarray[Any, Any]) -> bytes:
    return pixels.astype(">u2").tobytes()


def test_pieces_of_an_image(stack: tuple[Any, np.ndarray[Any, Any], int]) -> None:
    store, pixels, _ = stack
    assert store.getPlane(1, 2, 1) == big_endian(pixels[1, 2, 1])
    assert store.getTile(2, 0, 1, 5, 3, 7, 4) == big_endian(pixels[1, 0, 2, 3:7, 5:12])
    assert store.getRow(4, 1, 2, 0) == big_endian(pixels[0, 2, 1, 4])
    assert store.getCol(6, 1, 2, 0) == big_endian(pixels[0, 2, 1, :, 6])
    assert store.getStack(3, 1) == big_endian(pixels[1, 3])
    assert store.getTimepoint(1) == big_endian(pixels[1])
    assert store.getRegion(100, 1198) == big_endian(pixels)[1198:1298]
    cube = store.getHypercube([2, 1, 0, 1, 0], [10, 8, 3, 2, 2], [2, 3, 2, 1, 1])
    assert cube == big_endian(pixels[0:2, 1:3, 0:3:2, 1:9:3, 2:12:2])
    assert store.calculateMessageDigest() is not None
    sizes = store.getRowSize(), store.getPlaneSize(), store.getStackSize(), store.getTimepointSize()
    assert sizes == (60, 1200, 3600, 14400)
    assert store.getPlaneOffset(1, 2, 1) == 14400 + 2 * 3600 + 1200
    assert (store.getByteWidth(), store.isSigned(), store.isFloat()) == (2, False, False)


@pytest.mark.parametrize("piece", [(3, 0, 0), (0, 4, 0), (0, 0, 2), (-1, 0, 0)])
def test_planes_that_are_not_there(stack: tuple[Any, Any, int], piece: tuple[int, int, int]) -> None:
    with pytest.raises(omero.ApiUsageException):
        stack[0].getPlane(*piece)


def test_tiles_that_leave_the_plane_and_writing_to_imported_files(stack: tuple[Any, Any, int]) -> None:
    store, pixels, _ = stack
    with pytest.raises(omero.ApiUsageException):
        store.getTile(0, 0, 0, 25, 0, 10, 5)
    with pytest.raises(omero.ApiUsageException):
        store.setPlane(big_endian(pixels[0, 0, 0]), 0, 0, 0)


def test_extremes_and_histograms(stack: tuple[Any, np.ndarray[Any, Any], int], alice: BlitzGateway) -> None:
    store, pixels, image_id = stack
    assert store.findMinMax([0, 3]) == {
        channel: [float(pixels[:, channel].min()), float(pixels[:, channel].max())] for channel in (0, 3)
    }
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 1, 1, None, -1)
    counts = store.getHistogram([2], 16, False, plane)
    expected, _ = np.histogram(pixels[1, 2, 1], bins=16)
    assert counts == {2: expected.tolist()}
    assert sum(store.getHistogram([2], 16, True, plane)[2]) == 600
    image = alice.getObject("Image", image_id)
    assert [(c.getWindowMin(), c.getWindowMax()) for c in image.getChannels()] == [
        (float(pixels[:, channel].min()), float(pixels[:, channel].max())) for channel in range(4)
    ]


def test_resolution_levels(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    """OMERO's level 0 is the smallest one for setResolutionLevel, and the last of the descriptions."""
    path = samples["ome-tiff"].path
    outcome = import_files(alice, [path])
    store = alice.c.sf.createRawPixelsStore()
    store.setPixelsId(outcome.pixels[0], False)
    with open_image_file(path) as expected:
        series = expected.series[0]
        assert len(series.levels) > 1
        assert store.getResolutionLevels() == len(series.levels)
        assert [(d.sizeX, d.sizeY) for d in store.getResolutionDescriptions()] == list(series.levels)
        assert store.getResolutionLevel() == len(series.levels) - 1
        for level in range(len(series.levels)):
            store.setResolutionLevel(level)
            plane = series.plane(1, 1, 0, len(series.levels) - 1 - level)
            assert store.getTile(1, 1, 0, 3, 2, 50, 40) == big_endian(plane[2:42, 3:53])
            assert store.getPlaneSize() == plane.nbytes
    with pytest.raises(omero.ApiUsageException):
        store.setResolutionLevel(99)
    assert alice.getObject("Image", outcome.images[0]).getZoomLevelScaling() == pytest.approx({0: 1.0, 1: 0.5})


def test_large_planes_without_a_pyramid_get_levels(alice: BlitzGateway, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 200, (3300, 3400), np.uint8)
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, pixels)
    outcome = import_files(alice, [path])
    store = alice.c.sf.createRawPixelsStore()
    store.setPixelsId(outcome.pixels[0], False)
    assert store.requiresPixelsPyramid()
    sizes = [(d.sizeX, d.sizeY) for d in store.getResolutionDescriptions()]
    assert sizes == [(3400, 3300), (1700, 1650), (850, 825), (425, 413)]
    store.setResolutionLevel(0)
    assert store.getPlane(0, 0, 0) == pixels[::8, ::8].tobytes()
    store.setResolutionLevel(2)
    assert store.getTile(0, 0, 0, 1690, 1640, 10, 10) == pixels[3280::2, 3380::2].tobytes()


def test_pixels_that_were_never_written(alice: BlitzGateway) -> None:
    kind = alice.getQueryService().findByString("PixelsType", "value", "uint8")
    image = alice.getPixelsService().createImage(8, 8, 1, 1, [0], kind, "empty", "").val
    with pytest.raises(omero.ResourceError):
        alice.getObject("Image", image).getPrimaryPixels().getPlane()


def test_copy_of_an_image_with_new_pixels(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    source = alice.getObject("Image", import_files(alice, [samples["ome-tiff"].path]).images[0])
    planes = [np.full((640, 640), value, np.uint16) for value in (1, 2, 3)]
    copy = alice.createImageFromNumpySeq(iter(planes), "copy", 3, 1, 1, sourceImageId=source.id, channelList=[1])
    copy = alice.getObject("Image", copy.id)
    assert [c.getLabel() for c in copy.getChannels()] == [source.getChannels()[1].getLabel()]
    assert copy.getPixelSizeX() == source.getPixelSizeX()
    assert copy.getPrimaryPixels().getPlane(2).max() == 3
    assert copy.getChannels()[0].getWindowMax() == 3.0


def test_another_user_reads_and_does_not_write(alice: BlitzGateway, bob: BlitzGateway, server: EmbeddedOmero) -> None:
    made = alice.createImageFromNumpySeq(iter([np.eye(5, dtype=np.uint8)]), "alice's")
    pixels = bob.getObject("Image", made.id).getPrimaryPixels()
    np.testing.assert_array_equal(pixels.getPlane(), np.eye(5))
    store = bob.c.sf.createRawPixelsStore()
    store.setPixelsId(pixels.id, False)
    with pytest.raises(omero.SecurityViolation):
        store.setPlane(bytes(25), 0, 0, 0)
    raw = server.pixels.raw_path(pixels.id)
    assert raw.exists()
    alice.deleteObjects("Image", [made.id], wait=True)
    assert not raw.exists()


def test_hidden_pixels(login: Any) -> None:
    bob, alice = login("bob"), login("alice")
    others = bob.getObject("ExperimenterGroup", attributes={"name": "others"})
    bob.setGroupForSession(others.id)
    made = bob.createImageFromNumpySeq(iter([np.eye(5, dtype=np.uint8)]), "private")
    store = alice.c.sf.createRawPixelsStore()
    with pytest.raises(omero.SecurityViolation):
        store.setPixelsId(made.getPixelsId(), False, {"omero.group": "-1"})
