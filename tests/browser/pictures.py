"""What a picture on a page shows, by its pixels."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator


def read_picture(content: bytes) -> NDArray[np.uint8]:
    """An encoded picture as red, green and blue; shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def shown(place: Locator) -> NDArray[np.uint8]:
    """What the browser has painted there."""
    return read_picture(place.screenshot())


def contrast(picture: NDArray[np.uint8]) -> float:
    """Standard deviation of the brightest band: 0 for one flat colour, above 10 for any of the sample images."""
    return float(picture.max(axis=2).std())


def band_sums(picture: NDArray[np.uint8]) -> tuple[int, int, int]:
    """How much red, green and blue there is in all."""
    red, green, blue = (int(value) for value in picture.reshape(-1, 3).sum(axis=0, dtype=np.int64))
    return red, green, blue
