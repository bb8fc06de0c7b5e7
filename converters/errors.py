"""What goes wrong with an image file, in words for the person who made the file."""

from __future__ import annotations

from pathlib import Path


class ConverterError(Exception):
    """An image file that cannot be read or written. `path` is the file, `reason` one sentence."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")
        self.path = path
        self.reason = reason


class UnknownFormat(ConverterError):
    """The content is of no format that this project reads; the reason names the format if known."""


class UnreadableFile(ConverterError):
    """The format is known, but this file is missing, empty, truncated, damaged or incomplete."""


class UnknownSeries(ConverterError):
    """The file has no such series (image); the reason lists those it has."""


class UnwritableOutput(ConverterError):
    """The result cannot be written: no permission, a name too long, a pixel type OME-TIFF lacks."""


class DiskFull(UnwritableOutput):
    """The result's file system has no space left; the unfinished file is removed."""
