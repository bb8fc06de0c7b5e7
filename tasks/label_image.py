"""A label image: every pixel holds the number of the object it belongs to, 0 is background.

The same number on several planes is one object (so OME-NGFF's labels have it): a cell through a stack of planes, a
track through time. Planes are read in strips of rows, so that memory does not grow with the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import label as label_regions
from tifffile import TiffFile

from contracts.failures import FailureCategory, FailureError, fail
from converters.image_file import RGB_COLOURS, Series
from converters.reader import ConverterError, open_image_file
from tasks.authorise import refusal

#: Pixels of a plane that are looked through at once, and that are read at once for objects that lie close together.
PIXELS_AT_ONCE, PIXELS_OF_NEIGHBOURS = 1 << 21, 1 << 22
#: More objects than OMERO's clients can show of one image.
MOST_OBJECTS = 200_000
#: A float has every whole number up to here.
LARGEST_LABEL = 1 << 53
#: An image of intensities has many values, each in many places; a label image has each value in few.
_FEW_VALUES, _FEW_PIECES = 32, 8

#: One object on one plane: its number, the plane, and its bounding box (rows and columns; bottom and right are
#: behind its last).
SPOT = np.dtype(
    [("label", "<i8"), ("c", "<i4"), ("t", "<i4"), ("z", "<i4"),
     ("top", "<i4"), ("left", "<i4"), ("bottom", "<i4"), ("right", "<i4")]
)  # fmt: skip
Spots = NDArray[np.void]
Sizes = tuple[int, int, int, int, int]


class NotLabels(Exception):
    """The image holds something else than labels; it says what."""


@dataclass(frozen=True)
class Planes:
    """How the planes of a label image lie in its input: an axis that is None is on every plane of it.

    `time_is_z`: the file has a bare stack of pages, which readers take for time, and its input has planes in focus.
    """

    has_z: bool
    has_c: bool
    has_t: bool
    time_is_z: bool = False

    def place(self, z: int, c: int, t: int) -> tuple[int | None, int | None, int | None]:
        """The plane (z, c, t) of the input for one of the label image."""
        if self.time_is_z:
            z, t = t, z
        return (z if self.has_z else None, c if self.has_c else None, t if self.has_t else None)


class LabelImage:
    """One label image, opened. Close it through `open_label_image`."""

    def __init__(self, name: str, series: Series, *, is_bare_stack: bool) -> None:
        self.name = name
        self._series = series
        self._is_bare_stack = is_bare_stack

    def planes_in(self, input_sizes: Sizes) -> Planes:
        """How it lies in an input of sizes (x, y, z, c, t).

        Raises:
            FailureError: LABELS_DO_NOT_FIT, with both sizes.
        """
        own = self._series
        x, y, z, c, t = input_sizes
        fits = (own.size_x, own.size_y) == (x, y) and own.size_c in (1, c)
        if fits and own.size_z in (1, z) and own.size_t in (1, t):
            return Planes(has_z=own.size_z > 1, has_c=own.size_c > 1, has_t=own.size_t > 1)
        if fits and self._is_bare_stack and (own.size_z, t) == (1, 1) and own.size_t == z:
            return Planes(has_z=True, has_c=own.size_c > 1, has_t=False, time_is_z=True)
        sizes = (own.size_x, own.size_y, own.size_z, own.size_c, own.size_t)
        raise fail(
            FailureCategory.LABELS_DO_NOT_FIT,
            f"The label image {self.name!r} has other sizes than its input.",
            detail=f"x, y, z, c, t: {sizes}, its input {input_sizes}",
            next_step="Let the workflow write its label image in its input's size, or make no ROIs of it.",
        )

    def find_spots(self) -> Spots:
        """Every object on every plane, in the sequence of objects: by their first plane and row there.

        Raises:
            NotLabels: it has values between whole numbers or below 0, or is an image of intensities.
            FailureError: LABELS_DO_NOT_FIT for too many objects; BROKEN_FILE.
        """
        series = self._series
        if series.dtype.kind not in "biuf":
            raise NotLabels(f"its pixels are {series.dtype}")
        if tuple(channel.colour for channel in series.channels[:3]) == RGB_COLOURS:
            raise NotLabels("it is a colour picture")
        found: list[Spots] = []
        pieces = 0
        for c, t, z in np.ndindex(series.size_c, series.size_t, series.size_z):
            in_plane, parts = self._find_in_plane(z, c, t)
            found.append(in_plane)
            pieces += parts
        spots = np.concatenate(found)
        values = len(np.unique(spots["label"]))
        if values > _FEW_VALUES and pieces > _FEW_PIECES * len(spots):
            raise NotLabels(f"its {values} values lie in {pieces} separate places: these are intensities")
        return _in_sequence(spots, self.name)

    def _find_in_plane(self, z: int, c: int, t: int) -> tuple[Spots, int]:
        """The objects of a plane, and in how many separate places they lie."""
        series = self._series
        found: list[Spots] = []
        above = np.empty(0, np.int64)
        pieces = 0
        rows = max(1, PIXELS_AT_ONCE // series.size_x)
        for top in range(0, series.size_y, rows):
            strip = self._read(z, c, t, top, 0, min(top + rows, series.size_y), series.size_x)
            values, numbered = np.unique(strip, return_inverse=True)
            numbered = numbered.reshape(strip.shape)
            if values[0] != 0:  # no background here
                numbered += 1
            else:
                values = values[1:]
            boxes = find_objects(numbered, max_label=len(values))
            part = np.empty(len(values), SPOT)
            part["label"], part["c"], part["t"], part["z"] = values, c, t, z
            for index, box in enumerate(boxes):
                down, across = box
                part[index]["top"], part[index]["bottom"] = top + down.start, top + down.stop
                part[index]["left"], part[index]["right"] = across.start, across.stop
            found.append(part)
            _, parts = label_regions(numbered, background=0, connectivity=1, return_num=True)
            # What goes on from the strip above is no new place.
            pieces += max(0, int(parts) - int(np.isin(values, above).sum()))
            above = values
        return _merge(np.concatenate(found)), pieces

    def cut_out(self, spots: Spots) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
        """Objects of one plane, each with its cut-out; what lies close together is read at once."""
        window: tuple[int, int, NDArray[np.int64]] | None = None
        top, bottom = int(spots["top"].min()), int(spots["bottom"].max())
        if (bottom - top) * self._series.size_x <= PIXELS_OF_NEIGHBOURS:
            first = spots[0]
            whole = self._read(int(first["z"]), int(first["c"]), int(first["t"]), top, 0, bottom, self._series.size_x)
            window = (top, bottom, whole)
        for spot in spots:
            yield spot, self._cut(spot, window)

    def _cut(self, spot: Any, window: tuple[int, int, NDArray[np.int64]] | None) -> NDArray[np.bool_]:
        box = tuple(int(spot[side]) for side in ("top", "left", "bottom", "right"))
        top, left, bottom, right = box
        if window is not None:
            pixels = window[2][top - window[0] : bottom - window[0], left:right]
        else:
            pixels = self._read(int(spot["z"]), int(spot["c"]), int(spot["t"]), *box)
        cut: NDArray[np.bool_] = pixels == spot["label"]
        return cut

    def _read(self, z: int, c: int, t: int, top: int, left: int, bottom: int, right: int) -> NDArray[np.int64]:
        try:
            pixels = self._series.region(z, c, t, left, top, right - left, bottom - top)
        except ConverterError as error:
            raise refusal(error) from error
        if pixels.dtype.kind == "f" and (not np.isfinite(pixels).all() or (pixels != np.floor(pixels)).any()):
            raise NotLabels("it has values between whole numbers")
        if pixels.dtype.kind in "fi" and pixels.min(initial=0) < 0:
            raise NotLabels("it has values below 0")
        if pixels.dtype.kind in "fu" and pixels.max(initial=0) > LARGEST_LABEL:
            raise NotLabels(f"it has values above {LARGEST_LABEL}")
        return pixels.astype(np.int64)


@contextmanager
def open_label_image(path: Path) -> Iterator[LabelImage]:
    """Open a result as a label image.

    Raises:
        NotLabels: it holds several images.
        FailureError: UNKNOWN_FORMAT, BROKEN_FILE.
    """
    try:
        image = open_image_file(path)
    except ConverterError as error:
        raise refusal(error) from error
    with image:
        if len(image.series) != 1:
            raise NotLabels(f"it holds {len(image.series)} images")
        # Readers take pages without metadata for time points; nothing in the file says so.
        is_bare_stack = image.format == "TIFF" and not _has_axes(path)
        yield LabelImage(path.name, image.series[0], is_bare_stack=is_bare_stack)


def _has_axes(path: Path) -> bool:
    """Whether a TIFF without OME-XML says what its pages are: ImageJ's do."""
    with TiffFile(path) as tiff:
        return bool(tiff.is_imagej)


def does_not_fit(name: str, why: str) -> FailureError:
    """The failure of a result that shall become ROIs and cannot."""
    return fail(
        FailureCategory.LABELS_DO_NOT_FIT,
        f"No ROIs can be made of {name!r}: {why}.",
        next_step="Choose by their names which result images are label images, or order the run without ROIs.",
    )


def _merge(parts: Spots) -> Spots:
    """Objects of one plane that were found in several strips, each once with the box around all of it."""
    parts = parts[np.argsort(parts["label"], kind="stable")]
    if len(parts) == 0:
        return parts
    starts = np.flatnonzero(np.r_[True, np.diff(parts["label"]) != 0])
    merged = parts[starts].copy()
    for side in ("top", "left"):
        merged[side] = np.minimum.reduceat(parts[side], starts)
    for side in ("bottom", "right"):
        merged[side] = np.maximum.reduceat(parts[side], starts)
    return merged


def _in_sequence(spots: Spots, name: str) -> Spots:
    """All spots of an object together, the objects by channel and by where they are first met."""
    by_object = spots[np.lexsort((spots["z"], spots["t"], spots["label"], spots["c"]))]
    if len(by_object) == 0:
        return by_object
    changes = (np.diff(by_object["label"]) != 0) | (np.diff(by_object["c"]) != 0)
    starts = np.flatnonzero(np.r_[True, changes])
    if len(starts) > MOST_OBJECTS:
        raise does_not_fit(name, f"it has {len(starts)} objects, more than {MOST_OBJECTS}")
    firsts = by_object[starts]
    order = np.lexsort((firsts["label"], firsts["top"], firsts["z"], firsts["t"], firsts["c"]))
    rank = np.empty(len(starts), np.int64)
    rank[order] = np.arange(len(starts))
    counts = np.diff(np.r_[starts, len(by_object)])
    sequence: Spots = by_object[np.argsort(np.repeat(rank, counts), kind="stable")]
    return sequence
