"""The bytes that go to the cluster: those of OMERO, from any offset, and nothing of them is kept on the way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile
import yaozarrs
import zarr
from omero.gateway import BlitzGateway

from blocks.omero_session import OmeroSession
from contracts.failures import FailureCategory, FailureError
from contracts.remote_run import StagedLink
from contracts.staged_input import StagedForm
from contracts.staging_plan import StagingPlan
from converters import ome_tiff_stream, ome_zarr_stream
from converters.reader import open_image_file
from sandbox.samples.plate import COLUMNS, ROWS, SITES
from tasks.staging_sources import StagingSource, open_staging_sources, staged_files, staged_links
from tests.sandbox.staging.staging_ground import Ground
from tests.sandbox.staging.test_analysis_inputs import import_plate

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def noise(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 1) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(seed).normal(size=shape) * 60).astype(np.int32).astype(dtype)


@contextmanager
def sources_of(
    ground: Ground, session: OmeroSession, *formats: str, **inputs: Any
) -> Iterator[tuple[StagingPlan, tuple[StagingSource, ...]]]:
    plan = ground.plan(ground.run(**inputs), session, *formats)
    with open_staging_sources(plan, session) as sources:
        yield plan, sources


def take(source: StagingSource) -> bytes:
    content = b"".join(source.open())
    assert len(content) == source.size
    return content


def planes_of(gateway: BlitzGateway, image: int) -> np.ndarray[Any, Any]:
    """What OMERO itself says: (t, c, z, y, x)."""
    pixels = gateway.getObject("Image", image).getPrimaryPixels()
    z, c, t = pixels.getSizeZ(), pixels.getSizeC(), pixels.getSizeT()
    return np.array([[[pixels.getPlane(k, j, i) for k in range(z)] for j in range(c)] for i in range(t)])


def check(path: Path, expected: np.ndarray[Any, Any]) -> None:
    """tifffile and our own reader find these pixels in the file, and its OME-XML is valid."""
    ome_types.validate_xml(tifffile.tiffcomment(path))
    with open_image_file(path) as image:
        (series,) = image.series
        assert (series.size_t, series.size_c, series.size_z, series.size_y, series.size_x) == expected.shape
        assert series.dtype == expected.dtype
        for t, c, z in np.ndindex(*expected.shape[:3]):
            np.testing.assert_array_equal(series.plane(z, c, t), expected[t, c, z])
    np.testing.assert_array_equal(tifffile.imread(path).reshape(expected.shape), expected)


@pytest.mark.parametrize("dtype", TYPES)
def test_an_ome_tiff_has_the_pixels_that_omero_has(
    ground: Ground, session: OmeroSession, tmp_path: Path, dtype: str
) -> None:
    data = noise((2, 3, 2, 33, 47), dtype)
    image = ground.pixel_image(f"of {dtype}", data)
    with sources_of(ground, session, images=[image]) as (_, (source,)):
        (tmp_path / "a.tif").write_bytes(take(source))
    np.testing.assert_array_equal(planes_of(ground.alice, image), data)
    check(tmp_path / "a.tif", data)


def test_an_ome_zarr_has_the_pixels_that_omero_has(
    ground: Ground, session: OmeroSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a workflow that takes nothing else, of an image whose original is a TIFF; from any offset."""
    monkeypatch.setattr(ome_zarr_stream, "_EDGE", 32)
    data = noise((2, 2, 3, 33, 47))
    made, imported = ground.pixel_image("for Zarr", data), ground.import_files(ground.write_tiff("original.tif"))
    with sources_of(ground, session, "omezarr", images=[made, *imported]) as (plan, sources):
        for source in sources:
            path = tmp_path / source.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(take(source))
            assert b"".join(source.open(source.size // 2)) == path.read_bytes()[source.size // 2 :]
        assert sum(source.size for source in sources) == plan.bytes_to_send
        assert {(source.name, source.size) for source in sources} == staged_files(plan)
    for planned in plan.inputs:
        assert planned.input.form is StagedForm.OME_ZARR and planned.input.file_name.endswith(".ome.zarr")
        yaozarrs.validate_zarr_store(tmp_path / planned.input.path)
        found = zarr.open_group(tmp_path / planned.input.path, mode="r")["0"]
        assert isinstance(found, zarr.Array)
        np.testing.assert_array_equal(found[:], planes_of(ground.alice, planned.input.image))


def test_a_large_plane_comes_in_tiles(
    ground: Ground, session: OmeroSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ome_tiff_stream, "BLOCK", 1 << 16)
    data = noise((1, 1, 2, 700, 1100))
    image = ground.pixel_image("large", data)
    with sources_of(ground, session, images=[image]) as (_, (source,)):
        (tmp_path / "a.tif").write_bytes(take(source))
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.pages.first.is_tiled
    check(tmp_path / "a.tif", data)


def test_fields_of_a_plate(ground: Ground, session: OmeroSession, tmp_path: Path) -> None:
    """Images of one fileset with many files, one store of OMERO's for all."""
    images = import_plate(ground)
    with sources_of(ground, session, images=images) as (plan, sources):
        assert len(sources) == ROWS * COLUMNS * SITES
        for planned, source in zip(plan.inputs, sources, strict=True):
            assert source.name == planned.input.path
            (tmp_path / "a.tif").write_bytes(take(source))
            check(tmp_path / "a.tif", planes_of(ground.alice, planned.input.image))


def test_it_goes_on_at_any_offset(ground: Ground, session: OmeroSession) -> None:
    image = ground.pixel_image("cut", noise((1, 2, 3, 40, 50)))
    with sources_of(ground, session, images=[image]) as (plan, (source,)):
        content = take(source)
        for offset in (0, 1, 100, len(content) // 2, len(content) - 1, len(content)):
            assert b"".join(source.open(offset)) == content[offset:]
        for offset in (-1, len(content) + 1):
            with pytest.raises(ValueError, match="outside"):
                source.open(offset)
    # a new process, that begins in the middle, and after somebody has changed the image's name and its channels'
    stored = StagingPlan.model_validate_json(plan.model_dump_json())
    found = ground.alice.getObject("Image", image)
    found.setName("another name")
    found.save()
    ground.alice.setChannelNames("Image", [image], {1: "new", 2: "names"})
    with open_staging_sources(stored, session) as (again,):
        assert b"".join(again.open(4000)) == content[4000:]


def test_originals_bit_for_bit(ground: Ground, session: OmeroSession) -> None:
    path = ground.write_tiff(f"{uuid.uuid4().hex[:8]}.tif", compression="zlib")
    (image,) = ground.import_files(path)
    with sources_of(ground, session, images=[image]) as (_, (source,)):
        assert take(source) == path.read_bytes()
        assert b"".join(source.open(77)) == path.read_bytes()[77:]


@pytest.mark.parametrize("change", ["before", "meanwhile", "swapped", "gone"])
def test_an_original_that_changes_is_not_sent(ground: Ground, session: OmeroSession, change: str) -> None:
    path = ground.write_tiff(f"{uuid.uuid4().hex[:8]}.tif")
    # More than is read ahead: a change behind the last byte that was read is no change of what is sent.
    content = path.read_bytes() + bytes(24 << 20)
    path.write_bytes(content)
    (image,) = ground.import_files(path)
    with sources_of(ground, session, images=[image]) as (_, (source,)):
        if change == "before":
            path.write_bytes(content[:-1] + b"x")
        elif change == "swapped":
            path.rename(path.with_suffix(".old"))
            path.symlink_to(path.with_suffix(".old"))
        elif change == "gone":
            path.unlink()
        pieces = source.open()
        with pytest.raises(FailureError) as refused:
            next(pieces)
            path.write_bytes(content[:-1] + b"x")
            list(pieces)
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED


def test_attachments_and_nothing_is_left_behind(ground: Ground, session: OmeroSession, tmp_path: Path) -> None:
    contents = {"model.pt": np.random.default_rng(3).bytes(3_000_001), "a.csv": b"1", "näme (1).csv": b"a,b\n"}
    made = {}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        made[name] = int(ground.alice.createFileAnnfromLocalFile(str(tmp_path / name)).getId())
    copy = int(ground.alice.createFileAnnfromLocalFile(str(tmp_path / "model.pt")).getId())
    dataset = ground.dataset()
    images = [ground.pixel_image("a", noise((1, 1, 1, 600, 500)), dataset)]
    images += ground.import_files(ground.write_tiff(f"{uuid.uuid4().hex[:8]}.tif"), dataset=dataset)
    before = ground.census()
    attachments = {"models": (made["model.pt"], copy), "tables": (made["a.csv"], made["näme (1).csv"])}
    with sources_of(ground, session, datasets=[dataset], attachments=attachments) as (_, sources):
        sent = {source.name: take(source) for source in sources}
        assert b"".join(sources[2].open(2_000_000)) == contents["model.pt"][2_000_000:]
    assert list(sent)[2:] == [
        "files/models/model.pt",
        f"files/models/{copy}_model.pt",
        "files/tables/a.csv",
        "files/tables/name_1_.csv",
    ]
    assert list(sent.values())[2:] == [contents[n] for n in ("model.pt", "model.pt", "a.csv", "näme (1).csv")]
    assert ground.census() == before


def test_links_are_not_sent(ground: Ground, session: OmeroSession) -> None:
    path = ground.write_tiff(f"{uuid.uuid4().hex[:8]}.tif")
    (image,) = ground.import_files(path)
    plan = ground.plan(ground.run(images=[image]), session, "tif", mounts={str(ground.site.storage): "/mnt"})
    with open_staging_sources(plan, session) as sources:
        assert sources == ()
    target = f"/mnt/lab-a/{ground.folder.name}/{path.name}"
    assert staged_links(plan) == (StagedLink(path=plan.inputs[0].input.path, target=target),)


def test_pixels_that_omero_cannot_read(ground: Ground, session: OmeroSession) -> None:
    image = ground.unwritten_image("never written", "uint8")
    with sources_of(ground, session, images=[image]) as (_, (source,)), pytest.raises(FailureError) as refused:
        list(source.open())
    assert refused.value.failure.category is FailureCategory.OMERO_REFUSED


def test_an_attachment_that_grew(ground: Ground, session: OmeroSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n")
    made = ground.alice.createFileAnnfromLocalFile(str(tmp_path / "a.csv"))
    image = ground.pixel_image("a", noise((1, 1, 1, 4, 4)))
    with sources_of(ground, session, images=[image], attachments={"t": (int(made.getId()),)}) as (_, sources):
        store = ground.alice.c.sf.createRawFileStore()
        store.setFileId(made.getFile().getId())
        store.write(b"more", 4, 4)
        store.close()
        with pytest.raises(FailureError) as refused:
            list(sources[1].open())
    assert refused.value.failure.category is FailureCategory.FILE_CHANGED
