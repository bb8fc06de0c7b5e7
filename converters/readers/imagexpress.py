"""Molecular Devices ImageXpress (MetaXpress) plates: an HTD file and a TIFF for every plane.

The HTD file is the one to open; a single TIFF of the plate opens as the TIFF that it is. The TIFFs
lie in `TimePoint_<n>` folders, there possibly in `ZStep_<n>` folders, or flat beside the HTD file.
Each site of a well is a series, its wavelengths are the channels. Wells without any file were not
acquired and are not in the plate; a field that lacks one of its planes is refused, by name.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from converters.errors import UnreadableFile
from converters.image_file import Channel, Fileset, ImageFile, Plate, PlateWell, Series
from converters.readers.directories import count_directories
from converters.readers.imagexpress_names import parse_field_name, well_name
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

_MARK = b'"HTSInfoFile"'
_TIME_POINT = re.compile(r"TimePoint_(\d{1,6})", re.IGNORECASE)
_Z_STEP = re.compile(r"ZStep_(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class _Plane:
    """Where a file belongs; `z` is None for a file that lies in no ZStep folder."""

    row: int
    column: int
    site: int
    wavelength: int
    t: int
    z: int | None


def recognises(path: Path, head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARK)


def find_fileset(path: Path) -> Fileset:
    with open_file(path) as image:
        return Fileset(image.files, holds_plate=image.plate is not None)


def open_file(path: Path) -> ImageFile:
    """Open the plate that an HTD file describes; every TIFF's directory and extent are checked.

    Raises:
        UnreadableFile: names the missing, truncated, damaged or doubled TIFF, or what the HTD lacks.
    """
    settings = _settings(path)
    planes = _planes(path)
    if not planes:
        raise UnreadableFile(path, f"no TIFF of the plate {path.stem!r} is beside it or in its TimePoint folders")
    pages = TiffPages()
    axes = _Axes(planes)
    fields: dict[tuple[int, int], list[int]] = defaultdict(list)
    series: list[Series] = []
    for row, column, site in sorted({(plane.row, plane.column, plane.site) for plane in planes}):
        index = len(series)
        series.append(_field(path, index, (row, column, site), planes, axes, settings, pages))
        fields[row, column].append(index)
    wells = tuple(PlateWell(row, column, tuple(indices)) for (row, column), indices in fields.items())
    rows = max(_count(path, settings, "YWells"), *(well.row + 1 for well in wells), 1)
    columns = max(_count(path, settings, "XWells"), *(well.column + 1 for well in wells), 1)
    plate = Plate(path.stem, rows, columns, wells)
    files = (path, *sorted(planes.values()))
    return ImageFile(path, "ImageXpress", series, files=files, close=pages.close, plate=plate)


class _Axes:
    """The wavelengths, z steps and time points that the plate's files have, in order."""

    def __init__(self, planes: dict[_Plane, Path]) -> None:
        self.wavelengths = sorted({plane.wavelength for plane in planes})
        self.time_points = sorted({plane.t for plane in planes})
        self.z_steps: list[int | None] = sorted(
            {plane.z for plane in planes}, key=lambda step: -1 if step is None else step
        )


def _field(
    htd: Path,
    index: int,
    place: tuple[int, int, int],
    planes: dict[_Plane, Path],
    axes: _Axes,
    settings: dict[str, str],
    pages: TiffPages,
) -> Series:
    row, column, site = place
    field = f"well {well_name(row, column)}, field {site}"
    locations, shapes = {}, set()
    for c, wavelength in enumerate(axes.wavelengths):
        for z, step in enumerate(axes.z_steps):
            for t, time_point in enumerate(axes.time_points):
                file = planes.get(_Plane(row, column, site, wavelength, time_point, step))
                if file is None:
                    where = f"wavelength {wavelength}, time point {time_point}" + (f", z step {step}" if step else "")
                    raise UnreadableFile(htd, f"{field}: the TIFF of {where} is missing")
                shapes.add(_check(file))
                locations[z, c, t] = PageLocation(file, 0)
    if len(shapes) != 1:
        raise UnreadableFile(htd, f"{field}: its TIFFs have different sizes or pixel types")
    first = locations[0, 0, 0].file
    with open_tiff(first) as tiff, reading(first):
        page = load_page(tiff, 0)
        levels, stored = levels_of(page), page.dtype
        recorded = _recorded(tiff.metaseries_metadata if tiff.is_metaseries else None)
    if stored is None or samples(page) != 1:
        raise UnreadableFile(first, "a plane of an ImageXpress plate is one greyscale page, this is not")
    channels = tuple(Channel(settings.get(f"WaveName{number}") or f"w{number}") for number in axes.wavelengths)
    size = recorded.micrometres
    return Series(
        index,
        f"{htd.stem} [{field[0].upper()}{field[1:]}]",
        levels[0][0],
        levels[0][1],
        len(axes.z_steps),
        len(channels),
        len(axes.time_points),
        native(stored),
        channels,
        levels,
        PagePixels(pages, locations),
        size,
        size,
        acquired=recorded.moment,
    )


def _check(file: Path) -> tuple[tuple[int, int], str]:
    """The size and pixel type of a plane, its file found whole."""
    if file.stat().st_size == 0:
        raise UnreadableFile(file, "the file is empty (0 bytes)")
    count_directories(file)
    with open_tiff(file) as tiff, reading(file):
        page = load_page(tiff, 0)
        check_extent(file, page, tiff.filehandle.size)
        return levels_of(page)[0], str(page.dtype)


def _settings(path: Path) -> dict[str, str]:
    """The HTD file's lines, `"Name", value`, up to `"EndFile"`."""
    with reading(path):
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = [line for line in csv.reader(text.splitlines(), skipinitialspace=True) if line]
    if not any(line[0] == "EndFile" for line in lines):
        raise UnreadableFile(path, 'the HTD file is cut off: its last line, "EndFile", is missing')
    return {line[0]: line[1].strip() for line in lines if len(line) > 1}


def _count(path: Path, settings: dict[str, str], name: str) -> int:
    text = settings.get(name, "")
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10_000:
        raise UnreadableFile(path, f"the HTD file does not say {name}, the extent of the plate ({text!r})")
    return int(text)


def _planes(htd: Path) -> dict[_Plane, Path]:
    found: dict[_Plane, Path] = {}
    for file, t, z in _files(htd.parent):
        name = parse_field_name(file.name)
        if name is None or name.plate.casefold() != htd.stem.casefold():
            continue
        plane = _Plane(name.row, name.column, name.site, name.wavelength, t, z)
        if plane in found:
            raise UnreadableFile(htd, f"{found[plane].name!r} and {file.name!r} are the same plane")
        found[plane] = file
    if any(plane.z is not None for plane in found):  # files outside the ZStep folders are projections
        found = {plane: file for plane, file in found.items() if plane.z is not None}
    return found


def _files(folder: Path) -> Iterator[tuple[Path, int, int | None]]:
    """(file, time point, z step) of everything beside the HTD file and in its folders."""
    for t, time_folder in _numbered(folder, _TIME_POINT) or [(1, folder)]:
        yield from ((file, t, None) for file in sorted(time_folder.iterdir()) if file.is_file())
        for z, step_folder in _numbered(time_folder, _Z_STEP):
            if z > 0:  # ZStep_0 holds a projection
                yield from ((file, t, z) for file in sorted(step_folder.iterdir()) if file.is_file())


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    matches = ((pattern.fullmatch(entry.name), entry) for entry in folder.iterdir() if entry.is_dir())
    return sorted((int(match[1]), entry) for match, entry in matches if match)


@dataclass(frozen=True)
class _Recorded:
    micrometres: float | None
    moment: datetime | None


def _recorded(metadata: dict[str, Any] | None) -> _Recorded:
    """What MetaMorph's XML in a plane's description says, when it is there."""
    info = (metadata or {}).get("PlaneInfo", {})
    size = info.get("spatial-calibration-x")
    calibrated = info.get("spatial-calibration-state") in (True, "on") and info.get("spatial-calibration-units") == "um"
    moment = info.get("acquisition-time-local")
    if isinstance(moment, str):
        try:
            moment = datetime.strptime(moment, "%Y%m%d %H:%M:%S.%f")
        except ValueError:
            moment = None
    return _Recorded(
        float(size) if calibrated and isinstance(size, float | int) and size > 0 else None,
        moment if isinstance(moment, datetime) else None,
    )
