"""Cultured cells as a widefield microscope sees them: DAPI nuclei and a GFP cytoplasm.

Photons: each nucleus is an ellipsoid with a wobbly outline, chromatin texture and dark nucleoli; the
GFP fills the cell body around it, brighter in a fibrous texture and a few vesicles. A plane of the
focus series sees each cell the more blurred the farther its middle is from the plane. Camera: uneven
illumination, background, shot noise, an offset and read noise; 12-bit values in 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.float32]
#: uint16 (y, x), as cameras give it.
Exposure: TypeAlias = NDArray[np.uint16]

_OFFSET, _READ_NOISE, _SATURATION = 100.0, 2.5, 4095
#: Pixels of blur in focus, and more for each plane out of focus.
_FOCUS, _DEFOCUS = 0.9, 1.7
_SPACING = 2.1
#: Electrons a photon; and pixels a cell of the coarse grid on which the haze is made.
_GAIN, _COARSE = 1.9, 8


@dataclass(frozen=True)
class _Cell:
    """`y`, `x` and the radii in pixels, `z` in planes; `outline` are the amplitudes of its harmonics."""

    y: float
    x: float
    z: float
    long: float
    short: float
    angle: float
    dna: float
    gfp: float
    outline: tuple[float, ...]
    nucleoli: tuple[tuple[float, float, float], ...]
    vesicles: tuple[tuple[float, float], ...]
    drift: tuple[float, float]


#: Where a cell lies in the image, and its light there.
_Patch: TypeAlias = tuple[tuple[slice, slice], Image]


class Culture:
    """A field of view of `size` x `size` pixels with about `count` cells, made by `seed`.

    `gfp` scales the expression of the GFP, for plates whose wells were treated differently.
    """

    def __init__(self, seed: int, size: int, *, count: int, depth: int = 1, gfp: float = 1.0) -> None:
        self._seed = seed
        self._size = size
        self._depth = depth
        random = np.random.default_rng([seed, 1])
        self._cells = _scatter(random, size, count, depth, gfp)
        self._chromatin = _texture(random, size, 1.1, 4.0)
        self._fibres = _texture(random, size, 1.3, 7.0)
        self._shade = _illumination(random, size)
        self._last: tuple[tuple[int, int] | None, list[_Patch]] = (None, [])

    @property
    def count(self) -> int:
        """How many cells were drawn; of some only a part lies in the image."""
        return len(self._cells)

    def expose(self, channel: int, z: int = 0, t: int = 0) -> Exposure:
        """The camera's image of channel 0 (DAPI) or 1 (GFP) at plane `z` and time point `t`."""
        layers: dict[int, Image] = {}
        for cell, (window, drawn) in zip(self._cells, self._drawn(channel, t), strict=True):
            distance = abs(z - cell.z)
            layer = layers.setdefault(round(distance * 2), np.zeros((self._size, self._size), np.float32))
            layer[window] += drawn
        light = (
            blur([(layer / (1 + 0.12 * steps), _FOCUS + _DEFOCUS * steps / 2) for steps, layer in layers.items()])
            if layers
            else np.zeros((self._size, self._size), np.float32)
        )
        background = (14.0, 26.0)[channel]
        photons = (light + 0.25 * _haze(light, self._size / 12) + background) * self._shade
        random = np.random.default_rng([self._seed, 2, channel, z, t])
        # At more than ten photons a pixel their Poisson noise is as good as normal.
        noise = np.sqrt(_GAIN**2 * photons + _READ_NOISE**2) * random.standard_normal(photons.shape, np.float32)
        return np.clip(np.rint(_GAIN * photons + _OFFSET + noise), 0, _SATURATION).astype(np.uint16)

    def _drawn(self, channel: int, t: int) -> list[_Patch]:
        """Each cell's light, in focus. The planes of a focus series differ by their blur alone."""
        if self._last[0] != (channel, t):
            self._last = ((channel, t), [self._draw(cell, channel, t) for cell in self._cells])
        return self._last[1]

    def _draw(self, cell: _Cell, channel: int, t: int) -> _Patch:
        y, x = cell.y + cell.drift[0] * t, cell.x + cell.drift[1] * t
        reach = int(cell.long * (1.5 if channel == 0 else 3.0)) + 2
        (top, bottom), (left, right) = (
            (min(max(0, int(middle) - reach), self._size), min(max(0, int(middle) + reach + 1), self._size))
            for middle in (y, x)
        )
        window = (slice(top, bottom), slice(left, right))
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
        dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
        cosine, sine = np.float32(np.cos(cell.angle)), np.float32(np.sin(cell.angle))
        along, across = dx * cosine + dy * sine, dy * cosine - dx * sine
        u, v = along / np.float32(cell.long), across / np.float32(cell.short)
        direction = np.arctan2(v, u)
        wobble = 1 + sum(
            np.float32(amplitude) * np.cos((order + 2) * direction + order)
            for order, amplitude in enumerate(cell.outline)
        )
        distance = np.hypot(u, v) / wobble
        if channel == 0:
            return window, np.float32(cell.dna) * self._nucleus(cell, distance, along, across, window)
        return window, np.float32(cell.gfp) * self._body(cell, distance, along, across, window)

    def _nucleus(self, cell: _Cell, distance: Image, along: Image, across: Image, window: tuple[slice, slice]) -> Image:
        inside = 0.5 - 0.5 * np.tanh((distance - 1) * 7)
        thickness = np.sqrt(np.clip(1.25 - distance**2, 0.12, None))
        texture = 1 + 0.38 * self._chromatin[window]
        for u, v, radius in cell.nucleoli:
            gap = np.hypot(along - u * cell.long, across - v * cell.short) / radius
            texture *= 1 - 0.55 * np.exp(-(gap**2))
        return np.asarray(inside * thickness * np.clip(texture, 0.1, None))

    def _body(self, cell: _Cell, distance: Image, along: Image, across: Image, window: tuple[slice, slice]) -> Image:
        spread = np.exp(-((distance / 1.75) ** 2.6))
        nucleus = 0.5 - 0.5 * np.tanh((distance - 1) * 6)
        light = spread * (1 - 0.62 * nucleus) * np.clip(0.75 + 0.5 * self._fibres[window], 0.05, None)
        for u, v in cell.vesicles:
            gap = np.hypot(along - u * cell.long, across - v * cell.short)
            light += 1.5 * np.exp(-((gap / 1.7) ** 2))
        return np.asarray(light)


def blur(layers: list[tuple[Image, float]]) -> Image:
    """The sum of square images, each blurred by a Gaussian of its sigma in pixels; borders are mirrored."""
    size = layers[0][0].shape[0]
    margin = ceil(3 * max(sigma for _, sigma in layers))
    total = ceil((size + 2 * margin) / 64) * 64  # lengths of small factors are transformed fast
    along = np.fft.fftfreq(total).astype(np.float32) ** 2
    frequencies = along[:, None] + along[None, : total // 2 + 1]
    spectrum = np.zeros(frequencies.shape, np.complex64)
    for layer, sigma in layers:
        transfer = np.exp(np.float32(-2 * (np.pi * sigma) ** 2) * frequencies)
        spectrum += np.fft.rfft2(np.pad(layer, (margin, total - size - margin), mode="symmetric")) * transfer
    whole = np.fft.irfft2(spectrum, (total, total))
    return np.asarray(np.maximum(whole[margin : margin + size, margin : margin + size], 0), np.float32)


def _haze(light: Image, sigma: float) -> Image:
    """Light from far out of focus: a blur so wide that it is made of means over small squares."""
    size = light.shape[0] // _COARSE * _COARSE
    means = light[:size, :size].reshape(size // _COARSE, _COARSE, size // _COARSE, _COARSE).mean(axis=(1, 3))
    weights = _spread(light.shape[0], size // _COARSE, sigma)
    return np.asarray(weights @ means @ weights.T, np.float32)


@lru_cache(maxsize=8)
def _spread(size: int, coarse: int, sigma: float) -> Image:
    """(size, coarse): what each square's mean adds to each pixel of a line; rows add up to 1."""
    places, middles = np.arange(size), (np.arange(coarse) + 0.5) * _COARSE - 0.5
    weights = np.exp(-0.5 * ((places[:, None] - middles[None, :]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _scatter(random: np.random.Generator, size: int, count: int, depth: int, gfp: float) -> tuple[_Cell, ...]:
    """Cells that hardly overlap: a place too near to another cell is given up."""
    cells: list[_Cell] = []
    for _ in range(count * 12):
        if len(cells) == count:
            break
        y, x = random.uniform(-6, size + 6, 2)
        long = random.normal(16.5, 2.4)
        if any(np.hypot(y - other.y, x - other.x) < _SPACING * (long + other.long) / 2 for other in cells):
            continue
        dividing = random.random() < 0.06
        short = long * (random.uniform(0.32, 0.42) if dividing else random.uniform(0.66, 0.95))
        cells.append(
            _Cell(
                y,
                x,
                random.normal((depth - 1) / 2, depth / 7),
                long * (0.8 if dividing else 1.0),
                short,
                random.uniform(0, np.pi),
                random.lognormal(5.15, 0.28) * (2.3 if dividing else 1.0),
                gfp * random.lognormal(4.9, 0.75),
                tuple(random.normal(0, 0.028, 4)),
                tuple((*random.uniform(-0.5, 0.5, 2), random.uniform(2.0, 3.6)) for _ in range(random.integers(1, 4))),
                tuple(tuple(random.normal(0, 1.2, 2)) for _ in range(random.integers(0, 7))),
                tuple(random.normal(0, 2.2, 2)),
            )
        )
    return tuple(cells)


def _texture(random: np.random.Generator, size: int, fine: float, coarse: float) -> Image:
    """Noise between two scales in pixels, mean 0, deviation 1."""
    noise = random.standard_normal((size, size), np.float32)
    band = _blurred_noise(noise, fine) - _blurred_noise(noise, coarse)
    return np.asarray(band / band.std(), np.float32)


def _blurred_noise(noise: Image, sigma: float) -> Image:
    """As `blur`, with negative values and with borders that meet: noise has no edges to keep."""
    along = np.fft.fftfreq(noise.shape[0]).astype(np.float32) ** 2
    transfer = np.exp(np.float32(-2 * (np.pi * sigma) ** 2) * (along[:, None] + along[None, : noise.shape[1] // 2 + 1]))
    return np.asarray(np.fft.irfft2(np.fft.rfft2(noise) * transfer, noise.shape), np.float32)


def _illumination(random: np.random.Generator, size: int) -> Image:
    """Brightest near the middle, some 35 % less in the corners."""
    rows, columns = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
    middle = random.normal(0, 0.07, 2)
    return np.asarray(1 - 0.75 * ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2), np.float32)
