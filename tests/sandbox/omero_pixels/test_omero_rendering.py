"""Rendered pictures, thumbnails and rendering settings, as BlitzGateway and OMERO.web ask for them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.constants.projection
import omero.romio
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import rint, unwrap
from PIL import Image

from sandbox.samples.sample_files import Sample
from tests.sandbox.omero_pixels.omero_client import import_files


def picture(data: bytes) -> np.ndarray[Any, Any]:
    opened = Image.open(io.BytesIO(data))
    assert opened.format == "JPEG"
    return np.asarray(opened.convert("RGB")).astype(int)


@pytest.fixture
def halves(alice: BlitzGateway, tmp_path: Path) -> Any:
    """An image of 3 channels and 2 planes: in plane z, channel c is bright in its own quarter of the width."""
    pixels = np.zeros((2, 3, 32, 64), np.uint16)  # z c y x
    for z in range(2):
        for c in range(3):
            pixels[z, c, :, c * 16 : c * 16 + 16] = 1000 if z == 0 else 500
    path = tmp_path / "quarters.ome.tif"
    tifffile.imwrite(path, pixels, metadata={"axes": "ZCYX"})
    return alice.getObject("Image", import_files(alice, [path]).images[0])


def column_colours(drawn: np.ndarray[Any, Any]) -> list[tuple[int, ...]]:
    """The colour in the middle of each quarter."""
    return [tuple(int(v) for v in drawn[16, x]) for x in (8, 24, 40, 56)]


def assert_colours(drawn: np.ndarray[Any, Any], expected: list[tuple[int, int, int]]) -> None:
    for found, wanted in zip(column_colours(drawn), expected, strict=True):
        assert found == pytest.approx(wanted, abs=12), (column_colours(drawn), expected)


BLACK, GREY = (0, 0, 0), (127, 127, 127)


def test_channels_are_drawn_in_their_colours(halves: Any) -> None:
    halves.set_active_channels([1, 2, 3], colors=["FF0000", "00FF00", "0000FF"])
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [(255, 0, 0), (0, 255, 0), (0, 0, 255), BLACK])
    halves.set_active_channels([2], colors=["FFFF00"])
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [BLACK, (255, 255, 0), BLACK, BLACK])
    halves.setGreyscaleRenderingModel()
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [BLACK, (255, 255, 255), BLACK, BLACK])


def test_window_reversal_lookup_table_and_curve(halves: Any) -> None:
    halves.set_active_channels([1], windows=[[0, 2000]], colors=["FFFFFF"])
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [GREY, BLACK, BLACK, BLACK])
    halves.setChannelInverted(0)
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [GREY, *[(255, 255, 255)] * 3])
    halves.setChannelInverted(0, False)
    halves.set_active_channels([1], windows=[[0, 1000]], colors=["cool.lut"])
    assert halves.getChannels()[0].getLut() == "cool.lut"
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [(255, 0, 255), *[(0, 255, 255)] * 3])
    halves.set_active_channels([1], windows=[[0, 2000]], colors=["FFFFFF"])
    halves.setQuantizationMap(0, "polynomial", 2.0)
    assert_colours(picture(halves.renderJpeg(0, 0, 1.0)), [(64, 64, 64), BLACK, BLACK, BLACK])
    assert unwrap(halves.getChannels()[0].getFamily()) == "polynomial"


def test_projections(halves: Any) -> None:
    halves.set_active_channels([1], windows=[[0, 2000]], colors=["FFFFFF"])
    engine = halves._re
    types = omero.constants.projection.ProjectionType
    for kind, level in ((types.MAXIMUMINTENSITY, 127), (types.MEANINTENSITY, 96), (types.SUMINTENSITY, 191)):
        drawn = picture(engine.renderProjectedCompressed(kind, 0, 1, 0, 1))
        assert drawn[16, 8] == pytest.approx((level,) * 3, abs=12)
    with pytest.raises(omero.ApiUsageException):
        engine.renderProjectedCompressed(types.MAXIMUMINTENSITY, 0, 1, 0, 2)


def test_regions_and_other_forms(halves: Any) -> None:
    halves.set_active_channels([1], colors=["FFFFFF"])
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 0, 0, omero.romio.RegionDef(8, 4, 16, 10), -1)
    drawn = picture(halves._re.renderCompressed(plane))
    assert drawn.shape == (10, 16, 3)
    assert drawn[5, 3].tolist() == pytest.approx([255] * 3, abs=12)
    assert drawn[5, 13].tolist() == pytest.approx([0] * 3, abs=12)
    whole = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 0, 0, None, -1)
    packed = np.array(halves._re.renderAsPackedInt(whole), np.int32).view(np.uint32).reshape(32, 64)
    assert (packed[0, 0], packed[0, 40]) == (0xFFFFFFFF, 0xFF000000)
    buffer = halves._re.render(whole)
    assert (buffer.sizeX1, buffer.sizeX2, len(buffer.bands)) == (64, 32, 3)
    assert bytes(buffer.bands[0])[:20] == b"\xff" * 16 + b"\x00" * 4


def test_settings_are_kept_and_are_each_users_own(alice: BlitzGateway, bob: BlitzGateway, halves: Any) -> None:
    halves.set_active_channels([2], windows=[[10, 700]], colors=["12AB34"])
    halves.setDefaultZ(1)
    assert halves.saveDefaults()
    again = alice.getObject("Image", halves.id)
    assert [c.isActive() for c in again.getChannels()] == [False, True, False]
    second = again.getChannels()[1]
    assert (second.getWindowStart(), second.getWindowEnd()) == (10, 700)
    assert (second.getColor().getHtml(), again.getDefaultZ()) == ("12AB34", 1)
    seen = bob.getObject("Image", halves.id)
    assert seen.getChannels()[1].getWindowEnd() == 700  # the owner's, until bob has settings of his own
    seen.set_active_channels([1])
    assert seen.saveDefaults()
    assert [d["owner"]["firstName"] for d in seen.getAllRenderingDefs()] == ["Alice", "Bob"]
    assert alice.getObject("Image", halves.id).getChannels()[1].isActive()
    assert again.resetDefaults()
    assert [c.isActive() for c in alice.getObject("Image", halves.id).getChannels()] == [True] * 3


def test_settings_are_copied_between_images(alice: BlitzGateway, samples: dict[str, Sample], halves: Any) -> None:
    same = alice.getObject("Image", import_files(alice, [samples["tiff"].path]).images[0])
    target = alice.getObject("Image", import_files(alice, [samples["tiff"].path]).images[0])
    same.set_active_channels([2], windows=[[1, 2]])
    assert same.saveDefaults()
    assert alice.applySettingsToSet(same.id, "Image", [target.id, halves.id]) == {
        True: [target.id], False: [halves.id],
    }  # fmt: skip
    assert alice.getObject("Image", target.id).getChannels()[1].getWindowEnd() == 2
    service = alice.getRenderingSettingsService()
    assert service.resetDefaultsInSet("Image", [target.id]) == [target.id]
    assert alice.getObject("Image", target.id).getChannels()[1].getWindowEnd() > 2


def test_resolution_levels_of_the_engine(alice: BlitzGateway, samples: dict[str, Sample]) -> None:
    image = alice.getObject("Image", import_files(alice, [samples["ome-tiff"].path]).images[0])
    image._prepareRenderingEngine()
    engine = image._re
    assert [(d.sizeX, d.sizeY) for d in engine.getResolutionDescriptions()] == [(640, 640), (320, 320)]
    engine.setResolutionLevel(0)
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 0, 0, None, -1)
    assert picture(engine.renderCompressed(plane)).shape == (320, 320, 3)
    tile = picture(image.renderJpegRegion(0, 0, 300, 10, 50, 20, level=0))
    assert tile.shape == (20, 20, 3)  # what is left of the level at its right edge


@pytest.mark.parametrize("kind", ["tiff", "ome-tiff", "ome-tiff-companion"])
def test_thumbnails_show_the_image(alice: BlitzGateway, samples: dict[str, Sample], kind: str) -> None:
    from converters.reader import list_companions

    image = alice.getObject("Image", import_files(alice, list_companions(samples[kind].path)).images[0])
    size = (image.getSizeX(), image.getSizeY())
    small = picture(image.getThumbnail(96))
    assert max(small.shape[:2]) == 96
    whole = Image.fromarray(picture(image.renderJpeg(image.getDefaultZ(), 0, 1.0)).astype(np.uint8))
    assert whole.size == size
    shrunk = np.asarray(whole.resize((small.shape[1], small.shape[0]), Image.Resampling.BOX)).astype(int)
    assert small.std() > 5, "the thumbnail is blank"
    assert np.abs(small - shrunk).mean() < 6
    assert picture(image.getThumbnail((40, 30))).shape == (30, 40, 3)
    store = alice.c.sf.createThumbnailStore()
    pictures = store.getThumbnailByLongestSideSet(rint(96), [image.getPixelsId(), 987654])
    assert list(pictures) == [image.getPixelsId()]
    np.testing.assert_array_equal(picture(pictures[image.getPixelsId()]), small)


def test_a_changed_setting_changes_the_thumbnail(halves: Any, alice: BlitzGateway) -> None:
    before = halves.getThumbnail(64)
    halves.set_active_channels([3], colors=["00FFFF"])
    assert halves.saveDefaults()
    after = alice.getObject("Image", halves.id).getThumbnail(64)
    assert before != after
    assert_colours(picture(after), [BLACK, BLACK, (0, 127, 127), BLACK])  # the middle plane is half as bright


def test_questions_of_the_viewer(halves: Any) -> None:
    halves._prepareRenderingEngine()
    engine = halves._re
    assert sorted(m.value.val for m in engine.getAvailableModels()) == ["greyscale", "rgb"]
    assert len(engine.getAvailableFamilies()) == 4
    assert engine.getModel().value.val == "rgb"
    assert (engine.getPixelsTypeLowerBound(0), engine.getPixelsTypeUpperBound(0)) == (0.0, 65535.0)
    assert not engine.isPixelsTypeSigned()
    assert engine.getQuantumDef().cdEnd.val == 255
    assert engine.getChannelNoiseReduction(0) is False
    assert engine.getCompressionLevel() == pytest.approx(0.85)
    assert engine.getTileSize() == [64, 32]
    assert engine.getPixels().getChannel(2).getStatsInfo().globalMax.val == 1000
    for refused in (lambda: engine.isActive(3), lambda: engine.setRGBA(0, 256, 0, 0, 255)):
        with pytest.raises(omero.ApiUsageException):
            refused()


def test_an_engine_without_settings_is_not_ready(alice: BlitzGateway, halves: Any) -> None:
    engine = alice.c.sf.createRenderingEngine()
    with pytest.raises(omero.ApiUsageException):
        engine.load()
    with pytest.raises(omero.ValidationException):
        engine.lookupPixels(987654)
    engine.lookupPixels(halves.getPixelsId())
    assert engine.lookupRenderingDef(halves.getPixelsId())
    engine.load()
