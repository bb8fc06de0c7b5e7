"""Colour lookup tables by the names that OMERO's clients know (`name.lut`), computed from formulas."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

#: A lookup table: 256 colours, red, green and blue from 0 to 255; shape (256, 3), float32.
LookupTable = NDArray[np.float32]


def _ramp(red: float, green: float, blue: float) -> LookupTable:
    return np.linspace(0, 255, 256, dtype=np.float32)[:, None] * np.array([red, green, blue], np.float32)


def _points(*colours: tuple[int, int, int]) -> LookupTable:
    places = np.linspace(0, 255, len(colours))
    levels = np.arange(256)
    bands = [np.interp(levels, places, [colour[band] for colour in colours]) for band in range(3)]
    return np.stack(bands, axis=1).astype(np.float32)


def _spectrum() -> LookupTable:
    colours = [colorsys.hsv_to_rgb(level / 256, 1.0, 1.0) for level in range(256)]
    return np.array(colours, np.float32) * 255


_TABLES: Mapping[str, Callable[[], LookupTable]] = MappingProxyType(
    {
        "blue.lut": lambda: _ramp(0, 0, 1),
        "cool.lut": lambda: _points((0, 255, 255), (255, 0, 255)),
        "cyan.lut": lambda: _ramp(0, 1, 1),
        "green.lut": lambda: _ramp(0, 1, 0),
        "grays.lut": lambda: _ramp(1, 1, 1),
        "magenta.lut": lambda: _ramp(1, 0, 1),
        "red.lut": lambda: _ramp(1, 0, 0),
        "redhot.lut": lambda: _points((0, 0, 0), (255, 0, 0), (255, 255, 0), (255, 255, 255)),
        "spectrum.lut": _spectrum,
        "yellow.lut": lambda: _ramp(1, 1, 0),
    }
)


def list_lookup_tables() -> tuple[str, ...]:
    """The names of the known tables, in alphabetical order."""
    return tuple(_TABLES)


@cache
def read_lookup_table(name: str) -> LookupTable | None:
    """The table of that name; None when there is none (OMERO then draws the channel's plain colour)."""
    build = _TABLES.get(name)
    if build is None:
        return None
    table = build()
    table.setflags(write=False)
    return table
