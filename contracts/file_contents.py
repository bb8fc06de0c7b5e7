"""What an image file holds, as its reader tells it before anything is imported."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.base import Contract


class SeriesContents(Contract):
    """One image of a file. Sizes are pixels, planes, channels and time points.

    `thumbnail` is a PNG in base64, None where drawing it would cost too much or was not asked for.
    `well` is where a plate's image was taken: `B7, field 2`.
    """

    index: Annotated[int, Field(ge=0)]
    name: str
    uuid: str | None = None
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_type: str
    channels: Annotated[tuple[str, ...], Field(strict=False)]
    well: str | None = None
    thumbnail: str | None = None


class PlateContents(Contract):
    """The plate that a file describes; `wells` are those with images."""

    name: str
    rows: int
    columns: int
    wells: int


class FileContents(Contract):
    """A file opened: `series` are the ones that were asked for, of `series_count`.

    `files` are the absolute paths of everything that belongs to it, the one to open first.
    """

    format: str
    series_count: int
    series: Annotated[tuple[SeriesContents, ...], Field(strict=False)]
    plate: PlateContents | None = None
    files: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class WhyUnread(StrEnum):
    UNKNOWN_FORMAT = "unknown-format"
    BROKEN_FILE = "broken-file"


class UnreadContents(Contract):
    """Why a file could not be opened, in one sentence."""

    why: Annotated[WhyUnread, Field(strict=False)]
    reason: str
