"""A small picture of a series, for a list of files: quickly drawn, not measured from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.image_file import RGB_COLOURS, Colour, Series

#: A picture that needs a larger plane than this is not drawn: the file has no small level.
MOST_PIXELS = 4 << 20
#: Channels beyond these are left out; more than this many colours add up to white.
MOST_CHANNELS = 4
#: Colours of channels that have none of their own.
_COLOURS: tuple[Colour, ...] = ((0, 0, 255, 255), (0, 255, 0, 255), (255, 0, 0, 255), (255, 0, 255, 255))
_GREY: Colour = (255, 255, 255, 255)
#: The darkest and brightest hundredths of the picture's pixels are clipped.
_TAIL = 0.5


def draw_thumbnail(series: Series, edge: int) -> bytes | None:
    """A PNG, 8-bit RGB, longest side at most `edge` pixels; None when no level is small enough to be cheap.

    The middle focus plane of the first time point; each channel between its own darkest and brightest pixels.

    Raises:
        UnreadableFile: the file is damaged there.
    """
    level = max(
        (number for number, size in enumerate(series.levels) if max(size) >= edge),
        default=0,
    )
    width, height = series.levels[level]
    if width * height > MOST_PIXELS:
        return None
    step = -(-max(width, height) // edge)
    picture = np.zeros((-(-height // step), -(-width // step), 3), np.float32)
    for channel in range(min(series.size_c, MOST_CHANNELS)):
        plane = series.plane(series.size_z // 2, channel, 0, level)[::step, ::step]
        shown = plane.astype(np.float32) / 255 if _is_photograph(series) else _stretch(plane)
        picture += shown[..., None] * (np.array(_colour(series, channel)[:3], np.float32) / 255)
    return _encode_png((picture.clip(0, 1) * 255).round().astype(np.uint8))


def _is_photograph(series: Series) -> bool:
    """Samples red, green and blue of 8 bits are shown as they are."""
    return series.dtype == np.uint8 and tuple(one.colour for one in series.channels) == RGB_COLOURS


def _colour(series: Series, channel: int) -> Colour:
    own = series.channels[channel].colour
    if own is not None and any(own[:3]):
        return own
    return _GREY if series.size_c == 1 else _COLOURS[channel % len(_COLOURS)]


def _stretch(plane: NDArray[Any]) -> NDArray[np.float32]:
    """The plane's values as 0 to 1 between its tails; of complex values the magnitude, not finite ones black."""
    values = np.abs(plane) if plane.dtype.kind == "c" else plane
    shown = values.astype(np.float32)
    finite = shown[np.isfinite(shown)]
    if not finite.size:
        return np.zeros(shown.shape, np.float32)
    low, high = np.percentile(finite, (_TAIL, 100 - _TAIL))
    scaled: NDArray[np.float32] = (np.nan_to_num(shown, nan=low, posinf=high, neginf=low) - low) / max(
        high - low, np.finfo(np.float32).tiny
    )
    return scaled.clip(0, 1)


def _encode_png(picture: NDArray[np.uint8]) -> bytes:
    from imagecodecs import png_encode

    return bytes(png_encode(np.ascontiguousarray(picture)))
