"""A shape is its object, pixel by pixel: masks unpack to it, polygons hold the middles of its pixels and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tasks.label_shapes import Ring, mask_of, points_text, polygons_of

CUTS = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))


def filled(rings: list[Ring], shape: tuple[int, int], top: int, left: int) -> list[NDArray[np.bool_]]:
    """The pixels whose middles lie within the polygons, by the non-zero and by the even-odd rule."""
    y, x = (axis.ravel()[:, None] + 0.5 for axis in np.mgrid[top : top + shape[0], left : left + shape[1]])
    nonzero, even_odd = np.zeros(shape, bool), np.zeros(shape, bool)
    for ring in rings:
        begin, end = ring, np.roll(ring, -1, axis=0)
        falls = end[:, 1] > begin[:, 1]
        # The same arithmetic for a line and its way back, also for a point that lies on it.
        upper, lower = np.where(falls[:, None], begin, end).T, np.where(falls[:, None], end, begin).T
        with np.errstate(all="ignore"):
            at = upper[0] + (y - upper[1]) / (lower[1] - upper[1]) * (lower[0] - upper[0])
        crossed = ((upper[1] <= y) != (lower[1] <= y)) & (at > x)
        nonzero |= ((crossed * np.where(falls, 1, -1)).sum(1) != 0).reshape(shape)
        even_odd |= (crossed.sum(1) % 2 == 1).reshape(shape)
    return [nonzero, even_odd]


@given(CUTS, st.integers(0, 9), st.integers(0, 9))
def test_a_mask_unpacks_to_its_object(cut: NDArray[np.bool_], top: int, left: int) -> None:
    shape = mask_of(cut, top, left)
    assert (shape.x, shape.y, shape.width, shape.height) == (left, top, cut.shape[1], cut.shape[0])
    bits = np.unpackbits(np.frombuffer(shape.bits, np.uint8), count=cut.size)
    assert (bits.reshape(cut.shape).astype(bool) == cut).all()
    assert len(shape.bits) == (cut.size + 7) // 8


@given(CUTS, st.integers(0, 9), st.integers(0, 9))
def test_polygons_hold_the_middles_of_the_objects_pixels(cut: NDArray[np.bool_], top: int, left: int) -> None:
    rings = polygons_of(cut, top, left)
    for way in filled(rings, cut.shape, top, left):
        assert (way == cut).all()


def test_holes_and_parts() -> None:
    cut = np.zeros((12, 20), bool)
    cut[1:11, 1:11] = True
    cut[3:5, 3:5] = cut[6:9, 4:9] = False
    cut[4:8, 14:18] = True
    rings = polygons_of(cut, 0, 0)
    assert len(rings) == 2
    assert all((way == cut).all() for way in filled(rings, cut.shape, 0, 0))


def test_many_holes_are_one_line() -> None:
    cut = np.ones((60, 60), bool)
    cut[1:-1:3, 1:-1:3] = False
    (ring,) = polygons_of(cut, 0, 0)
    assert all((way == cut).all() for way in filled([ring], cut.shape, 0, 0))


def test_an_island_in_a_hole_is_a_part_of_its_own() -> None:
    cut = np.ones((9, 9), bool)
    cut[2:7, 2:7] = False
    cut[4, 4] = True
    rings = polygons_of(cut, 0, 0)
    assert len(rings) == 2
    assert all((way == cut).all() for way in filled(rings, cut.shape, 0, 0))


def test_straight_lines_have_two_points() -> None:
    (ring,) = polygons_of(np.ones((30, 50), bool), 0, 0)
    assert len(ring) == 8  # the corners are cut


def test_one_pixel() -> None:
    (ring,) = polygons_of(np.ones((1, 1), bool), 7, 3)
    assert sorted(map(tuple, ring.tolist())) == [(3.0, 7.5), (3.5, 7.0), (3.5, 8.0), (4.0, 7.5)]


@pytest.mark.parametrize("x", [0.5, 12345678.5, 3.0])
def test_points_are_written_exactly(x: float) -> None:
    text = points_text(np.array([[x, 0.5], [1.0, 2.0]]))
    assert [[float(number) for number in point.split(",")] for point in text.split(" ")] == [[x, 0.5], [1.0, 2.0]]
