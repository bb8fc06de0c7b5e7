"""`python -m converters`: the built-in converter, under BIOMERO's preprocessing container contract.

Progress goes to standard output line by line; the last line is the JSON list of results. Exit 0; on
failure `Error: ...` on standard error and exit 1, or `DISK_FULL` when it is for want of space; exit 2 when the
command line itself is wrong. `python -m converters describe` says what a file holds (`converters/description.py`).
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from converters.conversion import ConvertedImage, convert
from converters.errors import ConverterError, DiskFull
from converters.ome_tiff import Compression

#: Exit status when the results do not fit onto the disk: ENOSPC's number.
DISK_FULL = errno.ENOSPC


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m converters",
        description="Convert a microscope's image file (TIFF, OME-TIFF, Leica LIF, Zeiss CZI, ImageXpress plate) to "
        "OME-TIFF with a pyramid, one file a series. The last line printed is a JSON list of the results.",
        epilog="`python -m converters describe FILE` says what a file holds and converts nothing.",
        allow_abbrev=False,
    )
    parser.add_argument("--inputfile", type=Path, required=True, metavar="FILE", help="the file to convert")
    parser.add_argument(
        "--outputfolder",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="where the results go; made when it is not there",
    )
    parser.add_argument(
        "--altoutputfolder",
        type=Path,
        metavar="FOLDER",
        help="where the same results go a second time (a hard link, or a copy)",
    )
    parser.add_argument("--outputformat", choices=["ometiff"], default="ometiff", help="default: %(default)s")
    parser.add_argument(
        "--series",
        "--image_uuid",
        dest="series",
        metavar="SERIES",
        help="only the series with this UUID, name or index (from 0)",
    )
    parser.add_argument(
        "--compression",
        choices=[each.value for each in Compression],
        default=Compression.ZLIB.value,
        help="lossless; default: %(default)s, which every reader knows",
    )
    parser.add_argument("--show_progress", action="store_true", help="report every plane, not every tenth of them")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["describe"]:
        from converters.description import main as describe

        return describe(given[1:])
    chosen = build_parser().parse_args(given)
    try:
        results = convert(
            chosen.inputfile,
            chosen.outputfolder,
            chosen.altoutputfolder,
            series=chosen.series,
            compression=Compression(chosen.compression),
            say=_say,
            show_progress=chosen.show_progress,
        )
    except ConverterError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return DISK_FULL if isinstance(error, DiskFull) else 1
    except OSError as error:
        print(f"Error: {chosen.inputfile.name}: {error}", file=sys.stderr, flush=True)
        return DISK_FULL if error.errno == errno.ENOSPC else 1
    print(json.dumps([as_item(result) for result in results], ensure_ascii=True), flush=True)
    return 0


def as_item(result: ConvertedImage) -> dict[str, object]:
    """A result as the contract's JSON has it."""
    return {
        "name": result.name,
        "full_path": str(result.path),
        "alt_path": None if result.alternative is None else str(result.alternative),
        "keyvalues": [dict(result.keyvalues)],
    }


def _say(text: str) -> None:
    """One line, whatever the text holds: names of series come from files."""
    encoding = sys.stdout.encoding or "utf-8"
    printable = "".join(character if character.isprintable() else " " for character in text)
    print(printable.encode(encoding, "replace").decode(encoding), flush=True)
