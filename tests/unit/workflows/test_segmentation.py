"""Nuclei that were drawn are found: how many, where, and none where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandbox.samples.cells import Culture
from sandbox.workflows.nuclei.segmentation import Parameters, segment


def draw(*nuclei: tuple[float, float, float], size: int = 128, noise: float = 5.0) -> NDArray[np.float64]:
    """Discs (y, x, radius) of 500 on a background of 100, with camera noise."""
    y, x = np.mgrid[0:size, 0:size]
    plane = np.full((size, size), 100.0)
    for middle_y, middle_x, radius in nuclei:
        plane[np.hypot(y - middle_y, x - middle_x) <= radius] = 500
    return plane + np.random.default_rng(1).normal(0, noise, plane.shape)


@pytest.mark.parametrize(("seed", "size", "count"), [(7, 512, 45), (23, 256, 16), (101, 256, 20)])
def test_as_many_as_the_sample_generator_drew(seed: int, size: int, count: int) -> None:
    culture = Culture(seed, size, count=count)
    found = segment(culture.expose(0), Parameters()).max()
    assert 0.9 * culture.count <= found <= 1.1 * culture.count


def test_each_label_is_where_its_nucleus_is() -> None:
    nuclei = [(30, 30, 12), (30, 90, 15), (95, 60, 10)]
    labels = segment(draw(*nuclei), Parameters())
    middles = [labels[y, x] for y, x, _ in nuclei]
    assert sorted(middles) == [1, 2, 3]
    for label, (_, _, radius) in zip(middles, nuclei, strict=True):
        assert (labels == label).sum() == pytest.approx(np.pi * radius**2, rel=0.25)


def test_nuclei_that_touch_are_taken_apart_if_wanted() -> None:
    touching = draw((64, 50, 15), (64, 77, 15))
    assert segment(touching, Parameters()).max() == 2
    assert segment(touching, Parameters(split_touching=False)).max() == 1


def test_what_is_too_small_is_left_out_and_labels_have_no_gaps() -> None:
    plane = draw((30, 30, 12), (60, 90, 4), (95, 60, 12))
    assert segment(plane, Parameters(sigma=1, minimum_area=20)).max() == 3
    labels = segment(plane, Parameters(sigma=1, minimum_area=100))
    assert sorted(np.unique(labels)) == [0, 1, 2]


def test_an_area_of_just_the_minimum_is_kept() -> None:
    plane = np.zeros((40, 40))
    plane[10:20, 10:20] = 100
    assert segment(plane, Parameters(sigma=0, minimum_area=100, split_touching=False)).max() == 1
    assert segment(plane, Parameters(sigma=0, minimum_area=101, split_touching=False)).max() == 0


def test_a_hole_in_a_nucleus_is_part_of_it() -> None:
    plane = draw((64, 64, 20), noise=0)
    plane[60:68, 60:68] = 100
    labels = segment(plane, Parameters(sigma=1))
    assert labels[64, 64] == 1 == labels.max()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_no_nucleus_is_found_where_none_is(kind: type[np.generic]) -> None:
    assert segment(np.full((64, 64), 7, kind), Parameters()).max() == 0
    for noise in (np.random.default_rng(seed).normal(100, 12, (128, 128)) for seed in range(3)):
        assert segment(noise.astype(kind), Parameters()).max() == 0


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(1, 100),
    st.floats(0, 10),
    st.integers(0, 5000),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_any_plane_and_parameters_give_whole_labels(
    height: int, width: int, diameter: float, sigma: float, minimum_area: int, split: bool, seed: int
) -> None:
    plane = np.random.default_rng(seed).integers(0, 3, (height, width)) * 100
    labels = segment(plane, Parameters(diameter, sigma, minimum_area, 1, split))
    assert labels.shape == plane.shape
    assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))
    areas = np.bincount(labels.ravel())[1:]
    assert (areas >= minimum_area).all()
