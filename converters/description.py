"""`python -m converters describe FILE`: what a file holds, without converting it.

Prints one `FileContents` as JSON and exits 0; for a file that cannot be opened one `UnreadContents`, and exits 1.
"""

from __future__ import annotations

import argparse
import base64
import os
from collections.abc import Sequence
from pathlib import Path

from contracts.file_contents import (
    FileContents,
    PlateContents,
    SeriesContents,
    UnreadContents,
    WhyUnread,
)
from converters.errors import ConverterError, UnknownFormat
from converters.image_file import ImageFile, Plate, Series
from converters.reader import open_image_file
from converters.readers.imagexpress_names import well_name
from converters.thumbnail import draw_thumbnail

#: Series told at once, unless asked otherwise.
PAGE = 50
#: Names and channels beyond these are cut off: a damaged file may claim any number of either.
LONGEST_NAME, MOST_CHANNELS = 255, 256


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m converters describe",
        description="Say as JSON what an image file holds: its series with sizes and channels, its plate, its files.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--first", type=int, default=0, metavar="INDEX", help="the first series to tell (from 0)")
    parser.add_argument("--most", type=int, default=PAGE, metavar="COUNT", help="default: %(default)s")
    parser.add_argument(
        "--thumbnail", type=int, metavar="EDGE", help="draw a picture of each, its longest side EDGE pixels"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    chosen = build_parser().parse_args(arguments)
    try:
        contents = describe(chosen.file, max(chosen.first, 0), max(chosen.most, 0), chosen.thumbnail)
    except ConverterError as error:
        why = WhyUnread.UNKNOWN_FORMAT if isinstance(error, UnknownFormat) else WhyUnread.BROKEN_FILE
        print(UnreadContents(why=why, reason=error.reason).model_dump_json(ensure_ascii=True), flush=True)
        return 1
    print(contents.model_dump_json(ensure_ascii=True), flush=True)
    return 0


def describe(path: Path, first: int, most: int, edge: int | None) -> FileContents:
    """Open a file and tell its series from `first` on, at most `most`; thumbnails where `edge` is given.

    Raises:
        ConverterError: UnknownFormat, UnreadableFile.
    """
    with open_image_file(path) as image:
        wells = {} if image.plate is None else _wells(image.plate)
        return FileContents(
            format=image.format,
            series_count=len(image.series),
            series=tuple(_tell(one, wells, edge) for one in image.series[first : first + most]),
            plate=_tell_plate(image),
            files=tuple(os.fsencode(file.absolute()).decode("utf-8", "replace") for file in image.files),
        )


def _tell(series: Series, wells: dict[int, str], edge: int | None) -> SeriesContents:
    picture = None if edge is None else draw_thumbnail(series, edge)
    return SeriesContents(
        index=series.index,
        name=_text(series.name),
        uuid=series.uuid,
        size_x=series.size_x,
        size_y=series.size_y,
        size_z=series.size_z,
        size_c=series.size_c,
        size_t=series.size_t,
        pixel_type=series.dtype.name,
        channels=tuple(_text(channel.name or "") for channel in series.channels[:MOST_CHANNELS]),
        well=wells.get(series.index),
        thumbnail=None if picture is None else base64.b64encode(picture).decode("ascii"),
    )


def _tell_plate(image: ImageFile) -> PlateContents | None:
    plate = image.plate
    if plate is None:
        return None
    return PlateContents(name=_text(plate.name), rows=plate.rows, columns=plate.columns, wells=len(plate.wells))


def _wells(plate: Plate) -> dict[int, str]:
    """The well and field of each series, by the series' index."""
    return {
        index: f"{well_name(well.row, well.column)}, field {number}"
        for well in plate.wells
        for number, index in enumerate(well.fields, start=1)
    }


def _text(text: str) -> str:
    """Names come from files: cut to a length, and what is no valid Unicode is told as a question mark."""
    return text[:LONGEST_NAME].encode("utf-8", "replace").decode("utf-8")
