"""The arithmetic of drawing: windows, curves, colours, projections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.omero.lookup_tables import list_lookup_tables, read_lookup_table
from sandbox.omero.rendering import (
    ChannelSettings,
    Family,
    Model,
    Projection,
    RenderingSettings,
    draw,
    fit_longest_side,
    map_to_codomain,
    pack,
    project,
    scale,
)

WHITE = ChannelSettings(active=True, start=0, end=100, colour=(255, 255, 255, 255))


def channel(**changes: Any) -> ChannelSettings:
    settings = RenderingSettings(Model.RGB, (WHITE,)).with_channel(0, **changes)
    return settings.channels[0]


def test_a_window_maps_its_ends_to_black_and_white() -> None:
    plane = np.array([[0, 50, 100, 300]], np.uint16)
    assert map_to_codomain(plane, WHITE).tolist() == [[0, 128, 255, 255]]
    assert map_to_codomain(plane, channel(start=50, end=150)).tolist() == [[0, 0, 128, 255]]
    assert map_to_codomain(plane, channel(reversed=True)).tolist() == [[255, 127, 0, 0]]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64"])
def test_all_types_are_drawn_alike(dtype: str) -> None:
    plane = np.array([[0, 25, 50, 100]], dtype)
    assert map_to_codomain(plane, WHITE).tolist() == [[0, 64, 128, 255]]


def test_what_is_no_number_is_black_and_an_empty_window_is_a_threshold() -> None:
    plane = np.array([[np.nan, 1.0, 5.0]], np.float32)
    assert map_to_codomain(plane, channel(end=5)).tolist() == [[0, 51, 255]]
    assert map_to_codomain(plane, channel(start=5, end=5)).tolist() == [[0, 0, 255]]


@pytest.mark.parametrize("family", list(Family))
@given(values=st.lists(st.integers(0, 65535), min_size=2, max_size=20), coefficient=st.floats(0.1, 4))
def test_brighter_is_never_drawn_darker(family: Family, values: list[int], coefficient: float) -> None:
    plane = np.array([sorted(values)], np.uint16)
    drawn = map_to_codomain(plane, channel(start=100, end=40000, family=family, coefficient=coefficient))
    assert (np.diff(drawn.astype(int)) >= 0).all()
    edges = np.array([[100, 40000]], np.uint16)
    ends = map_to_codomain(edges, channel(start=100, end=40000, family=family, coefficient=coefficient))
    assert ends.tolist() == [[0, 255]]


def test_colours_add_up_and_stop_at_white() -> None:
    red, green = channel(colour=(255, 0, 0, 255)), channel(colour=(100, 255, 0, 128))
    plane = np.array([[100]], np.uint8)
    settings = RenderingSettings(Model.RGB, (red, green))
    assert draw([(plane, red), (plane, green)], settings, 1, 1).tolist() == [[[255, 128, 0]]]


def test_nothing_active_is_black_and_grey_draws_the_first() -> None:
    settings = RenderingSettings(Model.GREYSCALE, (WHITE,))
    assert draw([], settings, 2, 3).shape == (2, 3, 3)
    red = channel(colour=(255, 0, 0, 255))
    plane = np.array([[50]], np.uint8)
    assert draw([(plane, red), (plane, WHITE)], settings, 1, 1).tolist() == [[[128, 128, 128]]]


def test_lookup_tables_replace_the_colour() -> None:
    tables = [read_lookup_table(name) for name in list_lookup_tables()]
    assert all(table is not None and table.shape == (256, 3) for table in tables)
    assert read_lookup_table("unknown.lut") is None
    plane = np.array([[0, 100]], np.uint8)
    cool = channel(lookup_table="cool.lut")
    drawn = draw([(plane, cool)], RenderingSettings(Model.RGB, (cool,)), 1, 2)
    assert drawn.tolist() == [[[0, 255, 255], [255, 0, 255]]]


def test_projections() -> None:
    planes = [np.array([[200, 1]], np.uint8), np.array([[100, 3]], np.uint8)]
    assert project(planes, Projection.MAXIMUM).tolist() == [[200, 3]]
    assert project(planes, Projection.MEAN).tolist() == [[150, 2]]
    assert project(planes, Projection.SUM).tolist() == [[300, 4]]
    with pytest.raises(ValueError):
        project([], Projection.MEAN)


@given(st.integers(1, 20000), st.integers(1, 20000), st.integers(1, 500))
def test_thumbnails_fit_their_longest_side(width: int, height: int, side: int) -> None:
    wide, high = fit_longest_side(width, height, side)
    assert max(wide, high) == side
    assert min(wide, high) >= 1


def test_packed_pixels_and_scaling() -> None:
    picture = np.array([[[255, 0, 16]]], np.uint8)
    assert pack(picture) == [np.uint32(0xFFFF0010).view(np.int32)]
    assert scale(np.full((10, 20, 3), 7, np.uint8), 4, 2).tolist() == [[[7, 7, 7]] * 4] * 2


def test_channels_that_are_not_there() -> None:
    with pytest.raises(IndexError):
        RenderingSettings(Model.RGB, (WHITE,)).with_channel(1, active=False)
