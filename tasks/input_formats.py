"""Which files a workflow takes as images, from the words of its descriptor."""

from __future__ import annotations

from collections.abc import Collection

from contracts.failures import FailureCategory, FailureError, fail
from contracts.staged_input import StagedForm
from contracts.workflow_descriptor import ZARR_FORMATS

_TIFF = frozenset({"tif", "tiff", "tf2", "tf8", "btf"})
_OME_TIFF = frozenset({"ometif", "ometiff", "ome-tif", "ome-tiff", *(f"ome.{ending}" for ending in _TIFF)})


class InputFormats:
    """The formats, as descriptors spell them (`tif`, `ometiff`, `ome.zarr`, `png`), with or without a dot.

    No word at all means TIFF: what BIAFLOWS workflows find in their input folder. What takes TIFF takes OME-TIFF
    too, which is TIFF. What takes TIFF and OME-Zarr gets TIFF where an image is written: one file, not hundreds.
    """

    def __init__(self, words: Collection[str]) -> None:
        plain = {word.strip().lower().removeprefix(".") for word in words} or {"tif"}
        self._plain_tiff = bool(plain & _TIFF)
        self._ome_tiff = bool(plain & _OME_TIFF)
        self._ome_zarr = bool(plain & ZARR_FORMATS)
        self._others = plain - _TIFF - _OME_TIFF - ZARR_FORMATS

    def __str__(self) -> str:
        named = ["OME-TIFF"] if self._ome_tiff else []
        named += ["TIFF"] if self._plain_tiff else []
        named += ["OME-Zarr"] if self._ome_zarr else []
        return ", ".join([*named, *sorted(self._others)])

    @property
    def written_ending(self) -> str | None:
        """The ending of an image that is written from OMERO's pixels; None when the workflow takes neither TIFF nor
        OME-Zarr.
        """
        if self._ome_tiff:
            return "ome.tif"
        if self._plain_tiff:
            return "tif"
        return "ome.zarr" if self._ome_zarr else None

    @property
    def takes_ome_zarr(self) -> bool:
        """Whether an OME-Zarr that is there already can be used as it is."""
        return self._ome_zarr

    @property
    def written_form(self) -> StagedForm:
        """What an image is written as, where it is written at all."""
        return StagedForm.OME_TIFF if self._ome_tiff or self._plain_tiff else StagedForm.OME_ZARR

    def original_ending(self, name: str) -> str | None:
        """The ending that an imported file gets on the cluster, None when the workflow does not take its format.

        TIFFs end in `tif`, which is what workflows look for.
        """
        words = name.lower().split(".")
        ending, last_two = words[-1], ".".join(words[-2:])
        if len(words) > 2 and last_two in _OME_TIFF:
            return "ome.tif" if self._ome_tiff or self._plain_tiff else None
        if len(words) > 1 and ending in _TIFF:
            return "tif" if self._plain_tiff else None
        return ending if len(words) > 1 and ending in self._others else None

    def refuse(self, images: str) -> FailureError:
        """The failure for images that can be given in none of the formats."""
        return fail(
            FailureCategory.FORM_NOT_AVAILABLE,
            f"The workflow takes {self}, which {images} cannot be given as.",
            next_step="Choose images that were imported as such files; or let the workflow's descriptor name tif too, "
            "if its container reads TIFF.",
        )


def is_tiff_ending(ending: str) -> bool:
    return ending in {"tif", "ome.tif"}
