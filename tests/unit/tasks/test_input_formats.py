"""What a workflow takes, as descriptors spell it, and what an imported file is called on the cluster."""

from __future__ import annotations

import pytest

from contracts.staged_input import StagedForm
from tasks.input_formats import InputFormats


@pytest.mark.parametrize(
    ("words", "name", "ending"),
    [
        ((), "a.tif", "tif"),
        ((), "a.TIFF", "tif"),
        ((), "a.czi", None),
        (("tif",), "a.ome.tif", "ome.tif"),
        (("tif",), "a.ome.btf", "ome.tif"),
        (("tif",), "genome.tif", "tif"),
        (("tif",), "ome.tif", "tif"),
        ((".OME.TIFF",), "a.ome.tif", "ome.tif"),
        (("ometiff",), "a.tif", None),
        (("ometiff", "czi"), "a.CZI", "czi"),
        (("png",), "png", None),
        (("png",), "a.png", "png"),
        (("omezarr", "tiff"), "a.tif", "tif"),
    ],
)
def test_endings_of_imported_files(words: tuple[str, ...], name: str, ending: str | None) -> None:
    assert InputFormats(words).original_ending(name) == ending


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ((), "tif"),
        (("tiff",), "tif"),
        (("tif", "ometiff"), "ome.tif"),
        (("ome.zarr", "ome.tif"), "ome.tif"),
        (("png",), None),
    ],
)
def test_the_ending_of_what_is_written(words: tuple[str, ...], ending: str | None) -> None:
    assert InputFormats(words).written_ending == ending


@pytest.mark.parametrize("word", ["zarr", "omezarr", "ome-zarr", "ome.zarr", ".OME.Zarr"])
def test_zarr_alone_is_written_as_zarr(word: str) -> None:
    formats = InputFormats([word])
    assert (formats.written_form, formats.written_ending) == (StagedForm.OME_ZARR, "ome.zarr")
    assert formats.original_ending("a.tif") is None
    assert InputFormats([word, "tif"]).written_form is StagedForm.OME_TIFF


def test_what_it_takes_in_words() -> None:
    assert str(InputFormats(["png", "ometiff", "tif", "czi"])) == "OME-TIFF, TIFF, czi, png"
