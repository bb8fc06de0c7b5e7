"""TIFF without OME-XML: single and multi-page, RGB, ImageJ hyperstacks.

Axes: ImageJ's own when its metadata is there; otherwise pages of one size and type in a row are
time points of one series, as Bio-Formats has it. Physical sizes come from ImageJ's unit, or from a
resolution in centimetres; a resolution in inches is a printer's, not a microscope's, and is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tifffile import TiffFile, TiffPage

from converters.errors import UnknownFormat, UnreadableFile
from converters.image_file import RGB_COLOURS, Channel, Fileset, ImageFile, Series
from converters.readers.directories import count_directories, is_tiff
from converters.readers.tiff_pages import (
    PageLocation,
    PagePixels,
    TiffPages,
    check_extent,
    levels_of,
    load_page,
    native,
    open_tiff,
    reading,
    samples,
)

#: Formats that look like TIFF and mean something else by their pages; tifffile's names for them.
_FOREIGN = {
    "lsm": "Zeiss LSM",
    "stk": "MetaMorph STK",
    "ndpi": "Hamamatsu NDPI",
    "svs": "Aperio SVS",
    "scn": "Leica SCN",
    "bif": "Ventana BIF",
    "fluoview": "Olympus FluoView",
    "nih": "NIH Image",
    "qpi": "PerkinElmer QPI",
    "eer": "Electron Event Representation",
    "mmstack": "Micro-Manager stack",
}
_MICROMETRES = {
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "\\u00B5m": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
}
_CENTIMETRE = 3


def recognises(path: Path, head: bytes) -> bool:
    return is_tiff(head)


def find_fileset(path: Path) -> Fileset:
    open_file(path).close()
    return Fileset((path,))


def open_file(path: Path) -> ImageFile:
    """Open a plain TIFF.

    Raises:
        UnreadableFile: truncated or damaged; the directory chain and each page's extent are checked.
        UnknownFormat: another format in TIFF's clothes (LSM, SVS, NDPI, ...).
    """
    count = count_directories(path)
    pages = TiffPages()
    with open_tiff(path) as tiff, reading(path):
        foreign = sorted(_FOREIGN[flag] for flag in tiff.flags if flag in _FOREIGN)
        if foreign:
            raise UnknownFormat(path, f"this is a {foreign[0]} file, which is not read here")
        directories = [load_page(tiff, index) for index in range(count)]
        for page in directories:
            if page.dtype is None or page.imagewidth < 1 or page.imagelength < 1:
                raise UnreadableFile(path, "a page has no pixels or a sample type that is not read here")
            check_extent(path, page, tiff.filehandle.size)
        if tiff.is_imagej and isinstance(tiff.imagej_metadata, dict):
            series = _hyperstack(path, tiff, directories, pages)
        else:
            series = _page_runs(path, directories, pages)
    return ImageFile(path, "TIFF", series, files=(path,), close=pages.close)


def _page_runs(path: Path, directories: Sequence[TiffPage], pages: TiffPages) -> tuple[Series, ...]:
    """Pages of one shape in a row make a series; reduced-resolution pages (thumbnails) are left out."""
    full = [(index, page) for index, page in enumerate(directories) if not int(page.subfiletype) & 1]
    if not full:
        full = list(enumerate(directories))
    runs = [list(run) for _, run in groupby(full, key=lambda entry: (entry[1].shape, entry[1].dtype))]
    made = []
    for number, run in enumerate(runs):
        first = run[0][1]
        indices = [index for index, _ in run]
        locations = {
            (0, sample, t): PageLocation(path, page, sample)
            for t, page in enumerate(indices)
            for sample in range(samples(first))
        }
        name = path.name if len(runs) == 1 else f"{path.name} #{number + 1}"
        x, y = _resolution_in_centimetres(first)
        made.append(
            _series(
                number,
                name,
                first,
                (1, samples(first), len(run)),
                PagePixels(pages, locations),
                channels=_channels(first),
                sizes=(x, y, None),
            )
        )
    return tuple(made)


def _hyperstack(path: Path, tiff: TiffFile, directories: Sequence[TiffPage], pages: TiffPages) -> tuple[Series, ...]:
    metadata: dict[str, Any] = tiff.imagej_metadata or {}
    first = directories[0]
    in_page = samples(first)
    c, z, t = (max(1, int(metadata.get(key, 1))) for key in ("channels", "slices", "frames"))
    if in_page > 1:  # RGB hyperstack: the samples are the channels
        c = 1
    planes = c * z * t
    if planes == 1 and len(directories) > 1:
        t = planes = len(directories)
    behind = len(directories) == 1 and planes > 1
    if behind:
        size = first.nbytes * planes + first.dataoffsets[0]
        if size > tiff.filehandle.size:
            raise UnreadableFile(path, f"the ImageJ stack is truncated: {planes} planes need {size} bytes")
    elif len(directories) != planes:
        raise UnreadableFile(path, f"ImageJ says {planes} planes ({c} x {z} x {t}), the file has {len(directories)}")
    locations = {}
    for index in range(planes):  # ImageJ stores channels fastest, then slices, then frames
        key_c, key_z, key_t = index % c, index // c % z, index // (c * z)
        for sample in range(in_page):
            page, follows = (0, index) if behind else (index, 0)
            locations[key_z, key_c + sample, key_t] = PageLocation(path, page, sample, follows)
    unit = _MICROMETRES.get(str(metadata.get("unit", "")))
    x, y = _pixels_per_unit(first)
    spacing = metadata.get("spacing")
    sizes = (
        (unit / x if x else None, unit / y if y else None, float(spacing) * unit if spacing else None)
        if unit
        else (None, None, None)
    )
    channels = _channels(first) if in_page > 1 else _imagej_channels(metadata, c)
    return (_series(0, path.name, first, (z, c * in_page, t), PagePixels(pages, locations), channels, sizes),)


def _series(
    index: int,
    name: str,
    page: TiffPage,
    zct: tuple[int, int, int],
    pixels: PagePixels,
    channels: tuple[Channel, ...],
    sizes: tuple[float | None, float | None, float | None],
) -> Series:
    assert page.dtype is not None
    levels = levels_of(page)
    return Series(
        index,
        name,
        levels[0][0],
        levels[0][1],
        *zct,
        native(page.dtype),
        channels,
        levels,
        pixels,
        physical_size_x=sizes[0],
        physical_size_y=sizes[1],
        physical_size_z=sizes[2],
        acquired=page.datetime,
    )


def _channels(page: TiffPage) -> tuple[Channel, ...]:
    if samples(page) == 3 or samples(page) == 4:
        names = ("Red", "Green", "Blue")
        colours = tuple(Channel(name, colour) for name, colour in zip(names, RGB_COLOURS, strict=True))
        return colours + (Channel("Alpha"),) * (samples(page) - 3)
    return (Channel(),) * samples(page)


def _imagej_channels(metadata: dict[str, Any], count: int) -> tuple[Channel, ...]:
    luts = metadata.get("LUTs") or []
    channels = []
    for index in range(count):
        colour = None
        if index < len(luts) and getattr(luts[index], "shape", None) == (3, 256):
            red, green, blue = (int(value) for value in luts[index][:, 255])
            colour = (red, green, blue, 255)
        channels.append(Channel(colour=colour))
    return tuple(channels)


def _pixels_per_unit(page: TiffPage) -> tuple[float, float]:
    values = []
    for tag in ("XResolution", "YResolution"):
        entry = page.tags.get(tag)
        numerator, denominator = entry.value if entry is not None else (0, 1)
        values.append(numerator / denominator if denominator else 0.0)
    return values[0], values[1]


def _resolution_in_centimetres(page: TiffPage) -> tuple[float | None, float | None]:
    unit = page.tags.get("ResolutionUnit")
    if unit is None or int(unit.value) != _CENTIMETRE:
        return None, None
    x, y = _pixels_per_unit(page)
    return (1e4 / x if x else None), (1e4 / y if y else None)
