"""Reads image files as they are named on standard input, one a line, in little memory; answers each with one line.

`test_damaged_files.py` runs it as a child process, which it ends when an answer does not come.
"""

from __future__ import annotations

import faulthandler
import logging
import resource
import sys
from pathlib import Path

from converters.errors import ConverterError
from converters.reader import ImageFile, Series, list_companions, open_image_file

#: What a reader may claim for a file of a megabyte, its libraries and their threads' stacks included.
MEMORY_BYTES = 3 << 30
#: Of a series' planes the first and the last are read, as many each.
PLANES = 5


def read_file(path: Path) -> str:
    """`read`, or `refused: ` and the reason."""
    try:
        list_companions(path)
        with open_image_file(path) as image:
            read_planes(image)
    except ConverterError as error:
        return f"refused: {error.reason}".replace("\n", " ")
    return "read"


def read_planes(image: ImageFile) -> None:
    for series in image.series:
        planes = series.size_z * series.size_c * series.size_t
        for number in sorted({*range(min(PLANES, planes)), *range(max(0, planes - PLANES), planes)}):
            place = position(series, number)
            series.plane(*place)
            series.plane(*place, len(series.levels) - 1)


def position(series: Series, number: int) -> tuple[int, int, int]:
    number, z = divmod(number, series.size_z)
    return (z, *reversed(divmod(number, series.size_c)))


if __name__ == "__main__":
    faulthandler.enable()
    logging.disable()  # libraries log what they find damaged
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        print(read_file(Path(line.removesuffix("\n"))), flush=True)
