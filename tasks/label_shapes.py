"""The shape of an object of a label image, as OMERO's clients draw it: a mask, or polygons.

Coordinates are OMERO's: x to the right, y downwards; the pixel in column 0 and row 0 is the square from (0, 0) to
(1, 1).

A polygon of OMERO is one closed line without holes. An object in several parts therefore becomes several polygons (of
one ROI), and a hole is cut out by a line that runs from the outline to the hole, around it the other way and back: both
ways of filling a polygon (non-zero and even-odd) leave the hole empty. Parts that touch at a corner alone are one part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.measure import find_contours
from skimage.measure import label as label_parts

#: Points (n, 2) of x and y; the last is joined to the first.
Ring = NDArray[np.float64]


@dataclass(frozen=True)
class MaskShape:
    """A bounding box in pixels, and the packed pixels in it."""

    x: int
    y: int
    width: int
    height: int
    bits: bytes


def mask_of(cut: NDArray[np.bool_], top: int, left: int) -> MaskShape:
    """An object as OMERO's mask: row after row without padding, the first pixel in the highest bit of a byte.

    `cut` is its bounding box, whose first pixel is in row `top` and column `left` of the image.
    """
    height, width = cut.shape
    return MaskShape(left, top, width, height, np.packbits(cut).tobytes())


def polygons_of(cut: NDArray[np.bool_], top: int, left: int) -> list[Ring]:
    """An object as polygons, one for each of its parts, the one met first in reading order first.

    The line runs half-way between the middles of pixels inside and outside, so that exactly the middles of the
    object's pixels lie within it; at a corner it cuts the pixel.
    """
    parts, count = label_parts(cut, connectivity=2, return_num=True)
    return [_outline(parts == part if count > 1 else cut, top, left) for part in range(1, count + 1)]


def points_text(ring: Ring) -> str:
    """A ring as OMERO's Polygon.points: `x,y x,y ...`."""
    return " ".join(f"{x:.12g},{y:.12g}" for x, y in ring.tolist())


def _outline(part: NDArray[np.bool_], top: int, left: int) -> Ring:
    """The line around one part and around its holes."""
    contours = find_contours(np.pad(part, 1).astype(np.uint8), 0.5, fully_connected="high")
    # A margin of one pixel was added, and a contour counts from the pixels' middles, OMERO from their corners.
    rings = [_without_needless_points(contour[:-1, ::-1] + (left - 0.5, top - 0.5)) for contour in contours]
    areas = [_signed_area(ring) for ring in rings]
    outer = int(np.argmax(np.abs(areas)))
    return _cut_out_holes(rings[outer], [ring for number, ring in enumerate(rings) if number != outer])


def _cut_out_holes(outer: Ring, holes: list[Ring]) -> Ring:
    """One line around the outer ring that visits each hole by the shortest way there and back.

    `find_contours` runs around holes the other way than around the part. Where lines to holes cross each other nothing
    changes: each is run there and back.
    """
    if not holes:
        return outer
    tree = cKDTree(outer)
    visits: list[tuple[int, Ring]] = []
    for hole in holes:
        distances, nearest = tree.query(hole)
        first = int(np.argmin(distances))
        visits.append((int(nearest[first]), np.roll(hole, -first, axis=0)))
    pieces: list[Ring] = []
    begin = 0
    for at, hole in sorted(visits, key=lambda visit: visit[0]):
        pieces += [outer[begin : at + 1], hole, hole[:1]]
        begin = at
    pieces.append(outer[begin:])
    return np.concatenate(pieces)


def _without_needless_points(ring: Ring) -> Ring:
    """The same line without points in the middle of a straight piece."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    kept: Ring = ring[turns != 0]
    return kept


def _signed_area(ring: Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) / 2
